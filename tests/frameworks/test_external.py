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
        ("telegram.Update.message.reply_text", "a chat service"),
        ("telegram.ext.ContextTypes.DEFAULT_TYPE.bot.send_message", "a chat service"),
        ("discord.Interaction.response.send_message", "a chat service"),
        ("discord.ext.commands.Bot().get_channel().send", "a chat service"),
        ("aiogram.types.Message.answer", "a chat service"),
        ("slack_sdk.WebClient().conversations_list", "a call of a service"),
        ("deepl.Translator().translate_text", "a call of a service"),
        ("xmlrpc.client.ServerProxy().stock.find", "a call of a service"),
        ("zeep.Client().service.Find", "a call of a service"),
        ("celery.result.AsyncResult().get", "an answer of Celery's workers"),
        ("playwright.sync_api.Page.goto", "a browser"),
        ("discord.ext.commands.Bot().get_channel", ""),
        ("telegram.Update.message.text.strip", ""),
        ("telegram.Update.to_dict", ""),
        ("slack_sdk.WebClient().validate_slack_signature", ""),
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
