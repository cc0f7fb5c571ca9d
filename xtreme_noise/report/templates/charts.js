"use strict";
// Draws every chart of the page from its data block, one after the other: first those near the screen, then the others.
// The browser has a turn after each, so that the page stays responsive however many there are.
// ast: expressions are interpreted, not compiled, so that the page's policy need not allow eval.
(async () => {
  const { specs, charts } = JSON.parse(document.getElementById("chart-data").textContent);
  const whole = ({ spec, columns }) => {
    const names = Object.keys(columns);
    const rows = (columns[names[0]] || []).map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
    return { ...specs[spec], datasets: { rows } };
  };
  const waiting = new Set(document.querySelectorAll("[data-chart]"));
  const near = new Set();
  const screen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) isIntersecting ? near.add(target) : near.delete(target);
  }, { rootMargin: "50%" });
  for (const place of waiting) {
    place.style.minHeight = specs[charts[Number(place.dataset.chart)].spec].height + "px"; // nothing moves much later
    screen.observe(place);
  }
  const next = () => [...near, ...waiting].find((place) => waiting.delete(place));
  for (let place = next(); place; place = next()) {
    screen.unobserve(place);
    near.delete(place);
    try {
      await vegaEmbed(place, whole(charts[Number(place.dataset.chart)]), { actions: false, renderer: "svg", ast: true });
      place.dataset.drawn = "yes";
    } catch (error) {
      place.textContent = "This chart could not be drawn (" + error.message + "); its numbers are in the tables.";
      console.error("chart " + place.dataset.chart, error);
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.charts = "done";
})();
// Says above a table that is wider than its box that it scrolls; also when a reader opens it or turns the screen.
// In the next frame, because the words change the size of the box.
const boxes = new ResizeObserver((entries) => requestAnimationFrame(() => {
  for (const { target } of entries) target.classList.toggle("wider", target.scrollWidth > target.clientWidth);
}));
for (const box of document.querySelectorAll(".scroll")) boxes.observe(box);
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.printed")) part.open = true;
});
