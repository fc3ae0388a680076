import pytest

from docbot.answers.code_names import CodeNames, unknown_in
from docbot.answers.markdown import Fence, blocks
from docbot.answers.names import Vocabulary

PASSAGE = """
Set `max_retries` in the `@ray.remote` decorator or `RAY_TASK_MAX_RETRIES` in the environment.
Run `ray start --head --port=6379`, or `vite build --mode staging`. See `config/app.yaml`.
The option `server.strictPort` exits. `task_instance.xcom_pull(task_ids='foo')` gets a value.

```python
from airflow.models import Variable
value = Variable.get("foo", deserialize_json=True)
ray.get(f.remote(0.5))
```

```yaml
scheduler:
  max_threads: 2
```
"""
KNOWN = Vocabulary([PASSAGE, "How do I set retry_delay in my deploy.sh?"])


TOLD = Vocabulary(
    [
        "Set `scheduler.timeout` and `worker.retries` in /etc/app/airflow.cfg; see /var/log/app.",
        "The worker. Then ray.init(address) and serve.run(app, port=1).",
    ]
)


@pytest.mark.parametrize(
    "name",
    [
        "`worker.timeout`",
        "`ray.run`",
        "`/var/app/airflow.cfg`",
        "`/etc/log/app`",
        "the HttpRetrySensor",
        "airflow.models.retry",
    ],
)
def test_a_name_put_together_of_others_is_unknown(name: str) -> None:
    assert TOLD.unknown(f"Use {name} for it.")


@pytest.mark.parametrize(
    "name", ["`worker.retries`", "`ray.init()`", "`/etc/app/airflow.cfg`", "GitHub"]
)
def test_a_name_that_is_told_whole_is_known(name: str) -> None:
    assert not TOLD.unknown(f"Use {name} for it.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Set `max_retries=5` or `max_retries`.",
        "Set 'max_retries' and `server.strictPort: true`.",
        "Call `task_instance.xcom_pull()` with `task_ids`.",
        "Export `RAY_TASK_MAX_RETRIES=3`, run `ray start --head`.",
        "Edit `config/app.yaml` or config/app.yaml.",
        "The retry_delay of your `deploy.sh` stays.",
        "Use your own `my_dag`, `<name>`, `foo`, `example.com` and `your-project`.",
        "It is `None`, `True` or `0`, and/or e.g. GitHub v2.5.",
        "Run `vite build --mode staging`.",
    ],
)
def test_what_stands_in_a_passage_or_is_the_readers_own_is_known(sentence: str) -> None:
    assert KNOWN.unknown(sentence) == []


@pytest.mark.parametrize(
    ("sentence", "unknown"),
    [
        ("Set `max_tries`.", ["max_tries"]),
        ("Set max_tries.", ["max_tries"]),
        ("Use `max-retries`.", ["max-retries"]),
        ("Pass `--retries`, or --retries.", ["--retries"]),
        ("Run `ray stop --head`.", ["ray stop"]),
        ("Set `server.portRange`.", ["server.portRange"]),
        ("Export `RAY_RETRY_POLICY`.", ["RAY_RETRY_POLICY"]),
        ("Edit `config/other.yaml`.", ["config/other.yaml"]),
        ("Edit settings.toml there.", ["settings.toml"]),
        ("Call `xcom_fetch()`.", ["xcom_fetch"]),
        ("See [`ray.connect`](https://x.y).", ["ray.connect"]),
        ("Look into /etc/ray/main.", ["/etc/ray/main"]),
    ],
)
def test_what_stands_nowhere_is_unknown(sentence: str, unknown: list[str]) -> None:
    assert KNOWN.unknown(sentence) == unknown


def in_code(code: str, language: str = "python") -> CodeNames:
    fence = blocks(f"```{language}\n{code}\n```")[0]
    assert isinstance(fence, Fence)
    return unknown_in(fence, KNOWN)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("import os\n\ndef my_work(x):\n    total = x + 1\n    return total", "python"),
        ("@ray.remote(max_retries=5)\ndef crunch(data):\n    return data", "python"),
        (
            "from airflow.models import Variable\nkey = Variable.get('bar', deserialize_json=True)",
            "py",
        ),
        ("ray start --head --port=6380", "bash"),
        ("RAY_TASK_MAX_RETRIES=3 ray start --head", ""),
        ("scheduler:\n  max_threads: 4", "yaml"),
        ("values = []\nvalues.append(1)\nprint(len(values))", "python"),
    ],
)
def test_code_of_known_names_and_of_the_readers_own_is_kept(code: str, language: str) -> None:
    assert in_code(code, language) == CodeNames((), ())


@pytest.mark.parametrize(
    ("code", "language", "invented"),
    [
        ("ray.get(f.remote(), timeout_policy=1)", "python", "timeout_policy"),
        ("from airflow.models import Secret", "python", "Secret"),
        ("ray.connect()", "python", "ray.connect"),
        ("ray start --head --retries=3", "bash", "--retries"),
        ("ray purge", "sh", "ray purge"),
        ("RAY_RETRY_POLICY=1 ray start --head", "bash", "RAY_RETRY_POLICY"),
        ("scheduler:\n  max_workers: 4", "yaml", "max_workers"),
    ],
)
def test_a_name_of_the_project_that_stands_nowhere_is_invented(
    code: str, language: str, invented: str
) -> None:
    assert in_code(code, language).invented == (invented,)


def test_what_may_be_anyones_is_unfamiliar() -> None:
    assert in_code("import numpy as np\nnp.sum([1])").unfamiliar == ("numpy",)
    assert in_code("DB_PASSWORD=secret", "env").unfamiliar == ("DB_PASSWORD",)
