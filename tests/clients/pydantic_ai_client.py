"""Pydantic AI: agents on `OpenAIResponsesModel`, run at once and streamed."""

import openai
from cases import API_KEY, BASE_URL, IMAGE, QUESTION, WEATHER, Weather, run
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

client = openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)


def agent(model, **options):
    # Unknown model names are taken for models without reasoning, whose thoughts never go back.
    tested = OpenAIResponsesModel(
        model,
        provider=OpenAIProvider(openai_client=client),
        profile={"openai_supports_encrypted_reasoning_content": True},
    )
    return Agent(tested, **options)


def weather_agent(model, called):
    tested = agent(model)

    @tested.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        called.append(city)
        return WEATHER[city]

    return tested


async def whole(tested, question, **options):
    return await tested.run(question, **options)


class Streamed:
    """A streamed run, read to its end, that answers like a whole one."""

    def __init__(self, result, output):
        self.output = output
        self.usage = result.usage
        self.all_messages = result.all_messages


async def stream(tested, question, **options):
    async with tested.run_stream(question, **options) as result:
        async for output in result.stream_output(debounce_by=None):
            pass
        return Streamed(result, output)


def seen(result):
    usage = result.usage() if callable(result.usage) else result.usage
    last = result.all_messages()[-1]
    return {
        "output": str(result.output),
        "finish_reason": last.finish_reason,
        "parts": [part.part_kind for part in last.parts],
        "requests": usage.requests,
        "usage": [usage.input_tokens, usage.output_tokens],
    }


async def simple(model, ask):
    return seen(await ask(agent(model), QUESTION))


async def tools(model, ask):
    called = []
    result = await ask(weather_agent(model, called), QUESTION)
    return seen(result) | {"called": sorted(called)}


async def reasoning(ask):
    settings = OpenAIResponsesModelSettings(
        openai_reasoning_effort="low", openai_reasoning_summary="auto"
    )
    tested = agent("reasoning", model_settings=settings)
    first = await ask(tested, "How much is two plus two?")
    thoughts = [
        part.content
        for message in first.all_messages()
        for part in message.parts
        if part.part_kind == "thinking"
    ]
    second = await tested.run("Why?", message_history=first.all_messages())
    return seen(first) | {"thoughts": thoughts, "second_output": second.output}


async def structured(ask):
    tested = agent("structured", output_type=NativeOutput(Weather))
    result = await ask(tested, QUESTION)
    return seen(result) | {"parsed": result.output.model_dump()}


async def partial(model):
    text = ""
    try:
        async with agent(model).run_stream(QUESTION) as result:
            async for text in result.stream_text(debounce_by=None):
                pass
    except Exception as error:  # noqa: BLE001
        return {"raised": type(error).__name__, "message": str(error), "text": text}
    return {"raised": None, "text": text}


async def image():
    picture = BinaryContent.from_data_uri(IMAGE)
    return seen(await agent("image").run(["What is this?", picture]))


run(
    {
        "text": lambda: simple("text", whole),
        "text-stream": lambda: simple("text", stream),
        "tools": lambda: tools("tools", whole),
        "tools-stream": lambda: tools("tools", stream),
        "parallel": lambda: tools("parallel", whole),
        "parallel-stream": lambda: tools("parallel", stream),
        "reasoning": lambda: reasoning(whole),
        "reasoning-stream": lambda: reasoning(stream),
        "structured": lambda: structured(whole),
        "structured-stream": lambda: structured(stream),
        "refusal": lambda: simple("refusal", whole),
        "refusal-stream": lambda: simple("refusal", stream),
        "length": lambda: simple("length", whole),
        "length-stream": lambda: simple("length", stream),
        "filter": lambda: simple("filter", whole),
        "filter-stream": lambda: simple("filter", stream),
        "image": image,
        "error": lambda: simple("error", whole),
        "error-stream": lambda: simple("error", stream),
        "rate": lambda: simple("rate", whole),
        "rate-stream": lambda: simple("rate", stream),
        "failure": lambda: partial("failure"),
        "truncated": lambda: partial("truncated"),
    }
)
