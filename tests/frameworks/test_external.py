"""Which calls leave the process, by their qualified names."""

from __future__ import annotations

import pytest

from putback.frameworks.external import external


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("requests.get", "an HTTP request"),
        ("requests.Session().post", "an HTTP request"),
        ("openai.OpenAI().chat.completions.create", "a model"),
        ("boto3.client().put_object", "a service of AWS"),
        ("google.cloud.storage.Client().bucket().blob().delete", "an object store"),
        ("redis.Redis.get", "redis"),
        ("redis.Redis().lock().acquire", "a lock of another process"),
        ("openai.OpenAI", ""),
        ("openai.OpenAI().close", ""),
        ("boto3.client", ""),
        ("boto3.client().generate_presigned_url", ""),
        ("requests.Request", ""),
        ("get", ""),
    ],
)
def test_the_sort_of_a_call(name: str, noun: str) -> None:
    sort = external().sort_of(name)
    assert (sort.noun if sort is not None else "") == noun
