"""Natural noise: errors that people have made, word by word, from a table of attested pairs."""

from __future__ import annotations

from dataclasses import dataclass

from xtreme_noise.errors import ConfigError
from xtreme_noise.noise.lexicon import LexiconFamily


@dataclass(frozen=True)
class NaturalParameters:
    """path: a table of word, typo and count (see xtreme_noise.noise.lexicon), as `mode=mine_typos` writes it;
    {language} in it stands for the language's code.
    """

    path: str | None = None


class Family(LexiconFamily):
    """A word of the table becomes one of its typos, in proportion to their counts. The words in the table limit the
    noise: `capacity` is the share of graphemes in them.
    """

    family = "natural"
    version = 2
    Parameters = NaturalParameters

    def __init__(self, parameters: NaturalParameters) -> None:
        super().__init__(parameters)
        if self.several:
            raise ConfigError(f"{parameters.path}: a typo with a space would change the number of tokens")
