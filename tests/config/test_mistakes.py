"""A mistake ends a command at once: exit code 2, one message: what is wrong, where, the right name."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from xtreme_noise import cli
from xtreme_noise.config import compose, sense
from xtreme_noise.config.schema import RecipeConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

CASES = {
    # keys
    "trainer.sed=3": ["unknown key 'trainer.sed'", "command line: trainer.sed=3", "did you mean 'seed'?"],
    "+sed=3": ["unknown key 'sed'", "+sed=3", "did you mean 'seed'?"],
    "++sed=3": ["unknown key 'sed'", "did you mean 'seed'?"],
    "+trainer.sed=3": ["unknown key 'trainer.sed'", "did you mean 'seed'?"],
    "++noise.lvel=2": ["unknown key 'noise.lvel'", "++noise.lvel=2", "did you mean 'noise.level'?"],
    "modl=xlmr_base": ["unknown key 'modl'", "did you mean 'model'?"],
    "noise.families.char.rat=3": ["unknown key 'noise.families.char.rat'", "parameters of char"],
    "hydra.swep.dir=x": ["Hydra has no key 'hydra.swep"],
    "trainer.sed=3 trainer=default": ["unknown key 'trainer.sed'", "command line: trainer.sed=3"],
    # groups and options
    "+experimnt=quickstart": ["unknown key 'experimnt'", "the group 'experiment'"],
    "experiment=quickstart": ["write +experiment=quickstart"],
    "+experiment=quickstrat": ["unknown experiment 'quickstrat'", "did you mean 'quickstart'?"],
    "model=e5_smal": ["unknown model 'e5_smal'", "did you mean 'e5_small'?"],
    "noise=[chr]": ["unknown noise 'chr'", "did you mean 'char'?"],
    "noise=chr": ["unknown noise 'chr'", "did you mean 'char'?"],
    "intermediate=nly intermediate.arm=english": ["unknown intermediate 'nly'", "did you mean 'nli'?"],
    "intermediate=nli/english": ["write intermediate=nli intermediate.arm=english"],
    "intermediate=nli intermediate.arm=englsh": ["nli has no arm 'englsh'", "did you mean 'english'?"],
    "intermediate=nli": ["intermediate.arm (", "english, multilingual, native"],
    "intermediate=tlm intermediate.arm=english": ["tlm has no arm 'english'", "Known arms of tlm: multilingual"],
    "intermediate=nli intermediate.arm=english intermediate.arms.native.languages=[en,fa]": [
        "intermediate.arm is english",
    ],
    "-m intermediate=none intermediate.arm=english,multilingual": ["does nothing: intermediate is none"],
    "task=pawsx preset=two_cores": ["preset=two_cores has no file for task=pawsx"],
    "task=xquad preset=disjoint intermediate=mlm intermediate.arm=english": ["has no file for intermediate=mlm"],
    "task/attested=xnli": ["write task=attested/xnli"],
    "hydra/launcher=joblb": ["unknown hydra/launcher 'joblb'", "did you mean 'joblib'?"],
    "model=null": ["model=null", "not the name of a model"],
    "+model=tiny": ["two choices for the group 'model'", "without +"],
    "++model=tiny": ["a group is chosen with model=tiny"],
    # values
    "language=xx": ["unknown language 'xx'", "command line: language=xx"],
    "languages=[no]": ["unknown language 'no'", "Norwegian is nb"],
    "task=xnli languages=[nb]": ["names 'nb' (Norwegian", "xnli lacks", "It has:"],
    "languages=de": ["languages must be a list"],
    "task=mlqa_cross languages=[ar-xx]": ["unknown language 'xx'", "languages=[ar-xx]"],
    "task=mlqa_cross languages=[ar-ar]": ["names 'ar-ar' (Arabic-Arabic)", "mlqa_cross lacks", "ar-de"],
    "task=mlqa_cross languages=[ar]": ["names 'ar' (Arabic)", "mlqa_cross lacks"],
    "task=mlqa languages=[ar-de]": ["names 'ar-de' (Arabic-German)", "mlqa lacks"],
    "task=xnli intermediate=nli intermediate.arm=english intermediate.arms.english.languages=[en-de]": [
        "a pair of languages is a test set",
    ],
    "task=mlqa task.train_language=en-de": ["task.train_language", "a pair of languages is a test set of a task"],
    "mode=noise_table language=en-de": ["a pair of languages is a test set of a task"],
    "task=mlqa +task.column_languages.question='{second}'": ["task.column_languages.question", "{second}"],
    "task=mlqa +task.column_languages.questoin=en": ["unknown 'questoin'", "did you mean 'question'?"],
    "task=xnli languages=[de,de]": ["names 'de' twice"],
    "task=xnli noise.levels=[0,1.5]": ["noise.levels", "from 0 to 1, not 1.5"],
    "task=xnli noise.level=-0.1": ["noise.level ", "from 0 to 1, not -0.1"],
    "task=xnli noise.level=nan": ["noise.level ", "from 0 to 1, not nan"],
    "task=xnli noise.levels=[0.1,0.1]": ["names 0.1 twice"],
    "task=xnli noise.seeds=[0,0]": ["noise.seeds", "names 0 twice"],
    "task=xnli noise.field=context": ["noise.field", "unknown 'context'", "classification task"],
    "noise.levels=abc": ["noise.levels must be a list of numbers"],
    "noise.levels=[abc]": ["noise.levels[0] must be a number, not 'abc'"],
    "seed=abc": ["seed must be a whole number, not 'abc'"],
    "seed=1.5": ["seed must be a whole number, not '1.5'"],
    "seed=-1": ["seed", "must be from 0 to"],
    "+seed=3": ["seed has a value already", "without +"],
    "trainer.progress=perhaps": ["trainer.progress must be true or false"],
    "task=xnli task.size.test=0": ["task.size.test", "must be at least 1, not 0"],
    "task=xquad task.recipe.stride=384 task.recipe.max_length=384": ["smaller than max_length (384)"],
    "task=xnli source=embedded": ["source.kind", "xnli has data in"],
    "mode=pln": ["mode", "unknown 'pln'", "did you mean 'plan'?"],
    "tracker.kind=wnadb": ["tracker.kind", "did you mean 'wandb'?"],
    "model.loader=disk": ["model.loader", "Known loaders"],
    "mode=fetch": ["fetch.folder is needed by mode=fetch"],
    "mode=fetch fetch.folder=f model.trust_remote_code=true": ["model.trust_remote_code", "fetches no code"],
    "mode=fetch fetch.foldr=f": ["unknown key 'fetch.foldr'", "did you mean 'fetch.folder'?"],
    "model.path=null model.loader=hub": ["model.path", "must name a hub repository or a local directory"],
    "model.pooling=men": ["model.pooling", "unknown 'men'", "did you mean 'mean'?"],
    "model.attention=egaer": ["model.attention", "unknown 'egaer'", "did you mean 'eager'?"],
    "model.attention_dropout=1": ["model.attention_dropout", "is a share from 0 to below 1, not 1"],
    "task=lareqa task.data.files.pool=null": ["task.data.files.pool", "must name the candidates of a ranking task"],
    "task=bucc task.data.files.pool=null": ["task.data.files.pool", "must name the candidates of a mining task"],
    "task=bucc task.layer_sweep=[mean]": ["task.layer_sweep", "bucc is a mining task"],
    "task=bucc task.class_scores=true": ["task.class_scores", "is for classification,", "bucc is a mining task"],
    "task=xquad task.class_scores=true": ["task.class_scores", "multiple_choice", "xquad is a qa task"],
    "task=bmlama model=e5_small model.masked_lm=true": ["model.masked_lm", "e5_small has no masked-LM head"],
    "task=xnli model=xlmr_base model.masked_lm=false": ["model.masked_lm", "it is for cloze tasks, and xnli is a"],
    "task=bucc task.metric=accuracy": ["task.metric", "'accuracy' is not for a mining task", "bucc_f1"],
    "task=bucc noise.field=candidate": ["noise.field", "unknown 'candidate'", "mining task"],
    "task=lareqa task.data.files.pool.make=sentence": ["task.data.files.pool.make", "Known ways to make rows"],
    "task=udpos noise.field=tokens_protected": ["noise.field", "the tags of udpos name no entities"],
    "task=wikiann train_noise=char train_noise.field=tokens_protected": ["train_noise.field", "did you mean 'tokens'?"],
    "task=lareqa noise.field=candidate": ["noise.field", "unknown 'candidate'", "ranking task"],
    # values that do not fit each other
    "task=xnli task.metric=span_f1": ["task.metric", "'span_f1' is not for a classification task", "accuracy"],
    "task=xquad task.metric=foo": ["'foo' is not for a qa task", "squad_f1"],
    "task=xquad task.dev_metric=accuracy": ["task.dev_metric", "'accuracy' is not for a qa task"],
    "task=xnli intermediate=qa intermediate.arm=english intermediate.metric=span_f1": [
        "intermediate.metric", "not for a qa task",
    ],
    "task=xnli intermediate=qa intermediate.arm=english intermediate.gate.metric=exact_match": [
        "intermediate.gate.metric", "the dev score of qa/english is recorded in squad_f1", "at_least=null",
    ],
    "intermediate=slots intermediate.arm=english intermediate.gate.at_least=0.5": [
        "intermediate.gate.metric", "is None", "recorded in span_f1",
    ],
    "intermediate=slots intermediate.arm=english intermediate.gate.metric=span_f1": [
        "intermediate.gate.metric", "does nothing without intermediate.gate.at_least",
    ],
    "task=xnli intermediate=nli intermediate.arm=english intermediate.gate.at_least=60": [
        "intermediate.gate.at_least", "a share above 0, up to 1, not 60",
    ],
    "task=xnli intermediate=stilts intermediate.use=[mnli,qqp] intermediate.tasks.mnli.gate.at_least=.6": [
        "intermediate.tasks.mnli.gate.at_least", "without a gate, the mean of several",
    ],
    "task=xnli intermediate=stilts intermediate.use=[mnli] intermediate.tasks.mnli.gate.at_least=.6": [
        "intermediate.tasks.mnli.gate.metric", "is None", "recorded in accuracy",
    ],
    "task=xnli intermediate=nli_with_mlm intermediate.arm=english intermediate.tasks.mlm.gate.at_least=.6": [
        "intermediate.tasks.mlm.gate.at_least", "its only task beside masked language modelling",
    ],
    "task=xnli intermediate=stilts intermediate.gate.at_least=.6": ["intermediate.gate", "one of the tasks of stilts"],
    "intermediate.gate.at_least=.6": ["intermediate.gate.at_least", "does nothing: intermediate is none"],
    "task=xnli task.train=false": ["task.train", "is false", "e5_small has no head", "model=own model.path="],
    "task=xnli task.train=false model=own model.path=a/b intermediate=nli intermediate.arm=english": [
        "intermediate (command line", "is nli", "own head",
    ],
    "task=xnli task.train=false model=own model.path=a/b model.layers=3": ["model.layers", "own head"],
    "task=xnli task.train=false model=own model.path=a/b seed=3": ["seed", "nothing is trained"],
    "task=xnli model=own model.path=a/b +model.labels={LABEL_0:neutral}": ["model.labels", "task.train=false"],
    "model=own": ["model.path", "must name a hub repository or a local directory"],
    "trainer.accelerator=foo": ["trainer.accelerator", "unknown 'foo'", "Known accelerators"],
    "model=tiny model.layers=99": ["model.layers", "keeps 99 layers, and tiny has 2"],
    "model.layers=13": ["model.layers", "keeps 13 layers, and e5_small has 12"],
    "task=tatoeba model=tiny model.retrieval_layer=99": ["model.retrieval_layer", "hidden states 0 to 2"],
    "task=tatoeba model=tiny model.layers=1 model.retrieval_layer=-3": ["hidden states 0 to 1"],
    "model=tiny +model.parameters.hiden_size=8": ["hiden_size is unknown", "did you mean 'hidden_size'?"],
    "model=tiny model.parameters.hidden_size=-8": ["hidden_size must be an integer from 0 up, not -8"],
    "model.name=''": ["model.name", "is ''"],
    "task.name=../../x": ["task.name", "is '../../x'"],
    "task.reported_as=../x": ["task.reported_as", "is '../x'", "wanted a name"],
    "task.reported_as=''": ["task.reported_as", "is ''", "empty"],
    "task.reported_as='a\x1bb'": ["task.reported_as", "not printable"],
    f"task.reported_as={'x' * 300}": ["task.reported_as", "longer than 120 bytes"],
    "task.reported_as=con": ["task.reported_as", "a name that Windows reserves"],
    "task.reported_as='=cmd()'": ["task.reported_as", "a formula in a spreadsheet"],
    "model.name=nul.txt": ["model.name", "a name that Windows reserves"],
    "intermediate=slots intermediate.arm=english intermediate.name=-x": ["intermediate.name", "a formula"],
    "task=xcopa task.first.name=a//b": ["task.first.name", "is 'a//b'"],
    "task=tatoeba_squad task.trained_as.name=..": ["task.trained_as.name", "is '..'"],
    "intermediate=chain intermediate.arm=english intermediate.stages.nli.name=a|b": [
        "intermediate.stages.nli.name", "is 'a|b'",
    ],
    "task.version=-1": ["task.version", "must be at least 0"],
    "task=intents noise.field=text_pair": ["noise.field", "intents has one text"],
    "train_noise.level=7": ["train_noise.level", "not 7"],
    "task.data.embedded.test.path=foo": ["task.data.embedded.test.path", "unknown 'foo'", "Known generators"],
    "task=xnli language=de languages=[fr]": ["language=de and languages=[fr]", "give one of them"],
    "task=xnli noise.level=0.1 noise.levels=[0,0.2]": ["noise.level=0.1 and noise.levels=[0,0.2]"],
    "noise.seeds=[99999999999999999999]": ["noise.seeds", "must be from 0 to 4294967295"],
    "train_noise.seed=4294967296": ["train_noise.seed", "must be from 0 to 4294967295"],
    "noise=[char,char]": ["noise=[char,char] names 'char' twice"],
    "noise=[null]": ["noise=[null]", "a list of names"],
    "noise=none": ["unknown noise 'none'", "noise.levels=[0]"],
    "~noise": ["every job has a noise", "noise.levels=[0]"],
    "~task": ["~task: every job has a task", "task=name"],
    "~model": ["~model: every job has a model"],
    "task=xnli languages=[NO]": ["unknown language 'NO'", "Norwegian Bokmål is 'nb'"],
    "task=xnli languages=[DE]": ["unknown language 'DE'", "in lower case: 'de'"],
    "task=xnli languages=[dé]": ["letters beyond a-z", "must be quoted"],
    "--cfg job languages=[xx]": ["unknown language 'xx'"],
    "-m task=xnli language=glob(*)": ["glob(...) chooses among the files of a group", "'language'"],
    # lists, and words that a shell has cut
    "model=[tiny,e5_small]": ["model=[tiny,e5_small]", "only noise takes a list", "-m model=tiny,e5_small"],
    "task=[intents,slots]": ["a job has one task", "-m task=intents,slots"],
    "train_noise=[none,char]": ["a job has one train_noise"],
    "intermediate=[none,slots]": ["a job has one intermediate", "-m intermediate=none,slots"],
    "+experiment=[quickstart,attested]": ["a job has one experiment"],
    "tracker=[csv]": ["write tracker=csv"],
    "hydra/launcher=[basic,joblib]": ["a job has one hydra/launcher"],
    "-m model=[tiny,e5_small],mbert": ["a job has one model"],
    "language=[de,th]": ["language is one value", "languages=[de,th]", "-m language=de,th"],
    "-m language=[de],[th]": ["language is one value"],
    "noise.level=[0,0.1]": ["noise.level is one value", "noise.levels=[0,0.1]"],
    "seed=[1,2]": ["seed is one value", "-m seed=1,2"],
    "language=[de, th]": ["the shell cuts words at spaces", "write languages=[de,th]"],
    "languages=[de, th]": ["the shell cuts words at spaces", "write languages=[de,th]"],
    "noise.levels=[0, 0.05, 0.1] seed=3": ["write noise.levels=[0,0.05,0.1]"],
    "model.parameters={seed: 1}": ["write model.parameters={seed:1}"],
    "-m mode=plan experiment_name=a,b": ["a command has one experiment_name"],
    "task=xnli source.root=[]": ["source.root", "must be a folder"],
    "task=xnli source.root=3": ["source.root", "must be a folder"],
    "task=xnli source.root=[a,a]": ["source.root", "names 'a' twice"],
    # places
    "sweep=": ["sweep is empty", "current folder"],
    "mode=report sweep=": ["sweep is empty"],
    "store=": ["store (command line: store=) is empty"],
    "task=xnli source.root=": ["source.root (command line: source.root=) is empty"],
    "mode=fetch fetch.folder=": ["fetch.folder (command line: fetch.folder=) is empty"],
    f"sweep={'x' * 300}": ["sweep: the name xxxx", "has 300 bytes", "takes 255"],
    f"mode=report sweep=a/{'ü' * 200}/b": ["has 400 bytes"],
    f"store={'x' * 300}": ["store (command line: store=x", "has 300 bytes"],
    f"task=xnli source.root={'x' * 300}": ["source.root (", "has 300 bytes"],
    f"--config-dir {'x' * 300}": ["--config-dir: the name xxxx"],
    f"model.name={'x' * 300}": ["model.name", "longer than 120 bytes"],
    "task=xnli source.root=~nobody_of_this_name/x": ["no home folder for '~nobody_of_this_name'"],
    "task=xnli source=files": ["task xnli: files are needed, but source.root is not set"],
    "task=intents intermediate=nli intermediate.arm=native mode=plan": ["intermediate nli/native: files are needed"],
    "model.loader=hub model.path=/there/is/none": ["model.path=/there/is/none: no such directory"],
    "model.loader=hub model.path=a/b/c": ["model.path=a/b/c", "not a hub id"],
    "task=xnli source.root=. task.data.files.test.path=test.csv": ["is test.csv", "JSON lines", "read_csv"],
    # whole numbers that no table holds
    "task.size.test=99999999999999999999": ["task.size.test (", "must fit into 64 bits"],
    "task.size.train=9223372036854775808": ["task.size.train (", "must fit into 64 bits"],
    "noise.families.char.swap=99999999999999999999": ["noise.families.char.swap (", "must fit into 64 bits"],
    # suggestions
    "task.epochs=3": ["did you mean 'task.recipe.epochs'?"],
    "task.first.recipe.epochs=3": ["task.first.recipe.epochs (", "the chosen task has no task.first"],
    "shots.smpling=longest": ["unknown key 'shots.smpling' (command line: shots.smpling=longest). Known keys"],
    "shots.k=4 shots.smpling=longest": ["did you mean 'shots.sampling'?"],
    "noise=natrual": ["unknown noise 'natrual'", "natural"],
    # strategies and few-shot
    "mode=plan task=xnli shots.k=0": ["must be at least 1"],
    "mode=plan task=xnli shots.k=5 shots.sampling=short": ["did you mean 'shortest'?"],
    "mode=plan task=tatoeba shots.k=5": ["tatoeba is not trained"],
    "mode=plan task=tatoeba_squad shots.k=5": ["tatoeba_squad is trained as another"],
    "mode=plan intermediate=stilts intermediate.use=[mnl]": ["did you mean 'mnli'?"],
    "mode=plan intermediate=stilts intermediate.size.train=9": ["is a setting of one of the tasks of stilts"],
    "mode=plan intermediate=stilts intermediate.sampling.temperature=0": ["greater than 0"],
    "mode=plan intermediate=mnli intermediate.sampling.cap=9": ["mnli/english is one"],
    "mode=plan intermediate=stilts intermediate.tasks.mnli.keep_head=true": ["must be one task with a new head"],
    "mode=plan intermediate=stilts intermediate@intermediate.tasks.mnli=robust_contrastive": [
        "intermediate.tasks.mnli", "is a robust_contrastive task", "make it a stage of a chain",
    ],
    "mode=plan intermediate=nli_with_mlm intermediate.arm=english intermediate.use=[mlm]": [
        "intermediate.use", "another task must choose the epoch", "intermediate=mlm",
    ],
    "mode=plan intermediate=nli_with_mlm intermediate.arm=english intermediate.sampling.mlm_weight=0": [
        "intermediate.sampling.mlm_weight", "greater than 0",
    ],
    "mode=plan intermediate=nli_with_mlm intermediate.arm=english intermediate.sampling.mlm_weight=1e300": [
        "intermediate.sampling.mlm_weight", "at most 1000",
    ],
    "mode=plan task=xnli source.root=. intermediate=stilts intermediate.sampling.mlm_weight=2": [
        "intermediate.sampling.mlm_weight", "no task of stilts/english is masked language modelling",
    ],
    "mode=plan task=xnli source.root=. intermediate=topic intermediate.arm=matched intermediate.evaluated=any": [
        "intermediate.evaluated", "the matched arm of topic sets it, intermediate.arms.matched.evaluated",
    ],
    "mode=plan task=xnli languages=[en] intermediate=topic intermediate.arm=matched": [
        "intermediate.arms.matched.evaluated", "=seen leaves only English of en, af, ar", "evaluate one of the others",
    ],
    "mode=plan task=xnli intermediate=topic intermediate.arm=matched intermediate.arms.matched.evaluated=sen": [
        "intermediate.arms.matched.evaluated", "did you mean 'seen'?",
    ],
    "mode=plan intermediate=chain intermediate.arm=english intermediate.size.train=9": [
        "chain: intermediate.stages.qa.size", "(command line: intermediate.size.train=9)",
    ],
    "mode=plan task=xnli intermediate=chain intermediate.arm=english intermediate.stages.nly.size.train=9": [
        "intermediate=chain has no stage 'nly'",
    ],
    "mode=plan intermediate=chain intermediate.arm=english intermediate.use=[nl]": ["did you mean 'nli'?"],
    "mode=plan intermediate=chain intermediate.arm=english intermediate.use=[]": ["must name at least one of"],
    "mode=plan intermediate=nli intermediate.arm=english intermediate.use=[nli]": ["nli/english has none"],
    "mode=plan task=xnli task.keep_head=true": ["there is none before task xnli"],
    "mode=plan task=udpos intermediate=nli intermediate.arm=english task.keep_head=true": [
        "whose family and labels are not those",
    ],
    "mode=plan intermediate=chain intermediate.arm=english intermediate.stages.nli.keep_head=true": [
        "the head of intermediate qa",
    ],
    "mode=plan intermediate=nli intermediate.arm=multilingual intermediate.weights={de:1}": ["unknown 'de'"],
    "mode=plan intermediate=nli intermediate.arm=multilingual intermediate.first_languages=9": [
        "more than there are: 4",
    ],
    "mode=plan intermediate=nli_parallel intermediate.arm=translated intermediate.items=distinct intermediate.match=tokens": [  # noqa: E501
        "leave out"
    ],
    "mode=plan intermediate=nli intermediate.arm=multilingual intermediate.items=distinct": [
        "the same examples in all languages",
    ],
    "mode=plan task=xnli languages=[de] intermediate=nli intermediate.arm=multilingual intermediate.evaluated=seen": [
        "intermediate.evaluated", "leaves only English of en, zh, id, fa", "evaluate one of the others",
    ],
    "mode=plan intermediate=nli intermediate.arm=multilingual intermediate.first_languages=2 intermediate.weights={fa:2}": [  # noqa: E501
        "unknown 'fa'", "languages that nli/multilingual is trained in",
    ],
    "mode=plan intermediate=mlm intermediate.arm=english intermediate.recipe.contrast_weight=3": [
        "is for robust_contrastive",
    ],
    "model.attention=flash_attention_2": ["model.attention", "needs the package flash-attn"],
    "mode=plan task=mlqa_cross shots.k=5": ["shots.k", "is for test sets of one language, and", "is a pair"],
    "mode=plan intermediate=nli intermediate.arm=english intermediate.match=token": ["did you mean 'tokens'?"],
    "mode=plan intermediate=nli intermediate.arm=english intermediate.recipe.patience=1": [
        "intermediate.recipe.patience", "one arm",
    ],
    "mode=plan intermediate=stilts intermediate.tasks.mnli.recipe.patience=1": ["intermediate.recipe.patience"],
    "mode=plan intermediate=chain intermediate.arm=english intermediate.stages.qa.recipe.epochs=0": [
        "stages.qa.recipe.epochs",
    ],
    # grammar
    "=": ["'=' is not an override", "key=value"],
    "source.root=/a=b": ["must be quoted", "'source.root=\"/a=b\"'"],
    "quickstart": ["'quickstart' is not an override", "key=value"],
    "task=xnli language=de,sw": ["add -m", "languages=[de,sw]"],
    "task=xnli noise.level=0,0.1": ["add -m", "noise.levels=[0,0.1]"],
    # sweeps
    "-m model=e5_small,e5_smal": ["unknown model 'e5_smal'", "did you mean 'e5_small'?"],
    "-m task=xnli language=de,xx": ["unknown language 'xx'", "languages=[de,xx]"],
    "-m task=xnli noise.level=0,1.5": ["from 0 to 1, not 1.5"],
    "-m task=xnli seed=1,1": ["one job twice", "seed=1"],
    "-m task=xnli tracker=csv,mlflow": ["one job twice", "nothing that changes a result"],
    "-m mode=plan,run": ["mode=plan,run", "one mode"],
    "-m sweep=a,b": ["one sweep"],
    "hydra.sweep.dir=here": ["choose the folder by sweep="],
    # flags
    "--multrun seed=3": ["unknown flag '--multrun'", "did you mean '--multirun'?"],
    "--config-dir nowhere": ["--config-dir nowhere", "no such folder"],
    "mode=report sweep=nowhere": ["nowhere", "contains no results"],
}  # fmt: skip


def refused(command: str | list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one message of a command that is wrong."""
    assert cli.main(command.split() if isinstance(command, str) else command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("xtreme-noise: ")
    assert len(printed.err.splitlines()) == 1, printed.err
    return printed.err


@pytest.mark.parametrize("command", CASES)
def test_on_the_command_line(command: str, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(command, capsys)
    for part in CASES[command]:
        assert part in message
    assert not any(workdir.iterdir())  # nothing was begun


FILES = {
    "trainer:\n  sed: 3\n": ["unknown key 'trainer.sed'", "mine.yaml, line 3", "did you mean 'seed'?"],
    "trainr:\n  progress: true\n": ["unknown key 'trainr'", "mine.yaml, line 2", "did you mean 'trainer'?"],
    "seed: abc\n": ["seed must be a whole number, not 'abc'", "mine.yaml, line 2"],
    "languages: [no]\n": ["mine.yaml, line 2", "YAML reads a bare `no`"],
    "noise:\n  levels: [0, 2]\n": ["from 0 to 1, not 2", "mine.yaml, line 3"],
    "defaults:\n  - override /model: e5_smal\n": [
        "unknown model 'e5_smal'",
        "mine.yaml, line 3",
        "'e5_small'",
    ],
    "defaults:\n  - override /modl: tiny\n": ["unknown group 'modl'", "mine.yaml, line 3", "'model'"],
    "defaults:\n  - /model: tiny\n": ["two choices for the group 'model'", "`- override /model: name`"],
    "hydra:\n  mod: MULTIRUN\n": ["Hydra has no key 'hydra.mod'", "mine.yaml, line 3"],
    "seed: [1\n": ["not YAML", "mine.yaml"],
    "hydra:\n  run:\n    dir: elsewhere\n": ["hydra.run.dir (", "mine.yaml, line 4", "choose the folder by sweep="],
    "hydra:\n  sweep:\n    dir: elsewhere\n": ["hydra.sweep.dir (", "mine.yaml, line 4"],
    "hydra:\n  job:\n    chdir: true\n": ["hydra.job.chdir (", "mine.yaml, line 4"],
    "hydra:\n  output_subdir: null\n": ["hydra.output_subdir (", "mine.yaml, line 3"],
}
SWEEPS = {
    "sed: 1,2": ["unknown key 'sed'", "hydra.sweeper.params of the experiment", "did you mean 'seed'?"],
    "model: tiny,tny": [
        "unknown model 'tny'",
        "hydra.sweeper.params of the experiment",
        "did you mean 'tiny'?",
    ],
    "noise.level: 0,2": ["noise.levels=[0,2], from hydra.sweeper.params", "from 0 to 1, not 2"],
}
FILES |= {f"hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      {line}\n": parts for line, parts in SWEEPS.items()}


TASKS = {
    b"": ["task.name is needed and not set (", "mine.yaml"],
    b"name: mine\nfamily: classification\n": ["task.metric is needed and not set (", "mine.yaml"],
    b"- a\n- b\n": ["a config file is a mapping of keys to values", "mine.yaml"],
    b"name: caf\xe9\n": ["a config file is not UTF-8", "mine.yaml"],
}


@pytest.mark.parametrize("content", TASKS)
def test_in_a_task_of_one_s_own(content: bytes, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workdir / "conf" / "task"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_bytes(content)
    message = refused(["task=mine", "--config-dir", "conf"], capsys)
    for part in TASKS[content]:
        assert part in message


@pytest.mark.parametrize("content", FILES)
def test_in_an_experiment(content: str, workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workdir / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"# @package _global_\n{content}", encoding="utf-8")
    message = refused(["+experiment=mine", "--config-dir", "conf"], capsys)
    for part in FILES[content]:
        assert part in message
    assert not (workdir / "multirun_outputs").exists()


@pytest.mark.usefixtures("workdir")
def test_a_mistake_is_answered_before_anything_heavy_is_loaded(repository: Path) -> None:
    code = (
        "import sys; from xtreme_noise.cli import main; code = main(['task=xnli', 'noise.levels=[2]']);"
        "heavy = {'torch', 'transformers', 'datasets', 'nlpaug', 'pandas'} & set(sys.modules);"
        "print(code, sorted(heavy))"
    )
    environment = {"PYTHONPATH": str(repository)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2 []", done.stdout + done.stderr


@pytest.mark.usefixtures("workdir")
def test_what_would_do_nothing_among_several_tasks() -> None:
    """What the tasks' own files say for a task alone is no mistake; what was written for this job is."""
    task = "intermediate.tasks.mnli"
    wrong = {
        f"{task}.recipe.learning_rate=1e-5": "a setting of the multitask stage: intermediate.recipe.learning_rate",
        f"++{task}.recipe.epochs=3": "a setting of the multitask stage: intermediate.recipe.epochs",
        f"{task}.recipe={{batch_size:8,warmup:0.2}}": "a setting of the multitask stage: intermediate.recipe.warmup",
        "intermediate.tasks={mnli:{recipe:{weight_decay:0.1}}}": "a setting of the multitask stage: intermediate",
    }
    use = "intermediate.use=[mnli,squad1]"
    [job] = compose.jobs(["task=xnli", "intermediate=stilts", use, f"{task}.recipe.batch_size=8"])
    for text, part in wrong.items():
        with pytest.raises(ConfigError, match=rf"^{re.escape(task)}\.recipe.* \(command line: .*{re.escape(part)}"):
            sense.check(job, Sources((text,)))
    fine = [f"{task}.recipe={{batch_size:8}}", f"{task}.size.train=9", "intermediate.recipe.epochs=3"]
    sense.check(job, Sources(("intermediate=stilts", *fine)))
    job.intermediate.tasks["mnli"].match = "updates"
    with pytest.raises(ConfigError, match=r"mnli\.match .*intermediate\.sampling"):
        sense.check(job, Sources())
    job.intermediate.tasks["mnli"].match = "examples"
    for setting, value in {"batch_size": 4, "max_length": 64, "stride": 8}.items():
        job.intermediate.recipe = replace(RecipeConfig(), **{setting: value})
        with pytest.raises(ConfigError, match=rf"recipe\.{setting} .*: {re.escape(task)}\.recipe\.{setting}"):
            sense.check(job, Sources())


def test_where_a_key_was_written(tmp_path: Path) -> None:
    (tmp_path / "intermediate").mkdir()
    (tmp_path / "intermediate" / "mine.yaml").write_text("tasks:\n  a: {recipe: {epochs: 2}}\n", encoding="utf-8")
    some = Sources((), (), (tmp_path,), {"intermediate": "mine", "intermediate@intermediate.tasks.a": "x"})
    assert some.sets("intermediate.tasks.a.recipe.epochs") and not some.sets("intermediate.tasks.a.recipe.warmup")
