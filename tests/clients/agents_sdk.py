"""OpenAI Agents SDK for Python: whole agent loops, run at once and streamed."""

import agents
import openai
from agents import Agent, ModelSettings, OpenAIResponsesModel, Runner, function_tool
from cases import API_KEY, BASE_URL, IMAGE, QUESTION, WEATHER, Weather, run
from openai.types.shared import Reasoning

agents.set_tracing_disabled(True)

client = openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)

called = []


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    called.append(city)
    return WEATHER[city]


def agent(model, **options):
    return Agent(name="tester", model=OpenAIResponsesModel(model, client), **options)


def seen(result):
    usage = result.context_wrapper.usage
    return {
        "output": str(result.final_output),
        "items": [item.type for item in result.new_items],
        "requests": usage.requests,
        "usage": [usage.input_tokens, usage.output_tokens],
    }


async def whole(model, question=QUESTION, **options):
    called.clear()
    result = await Runner.run(agent(model, **options), question)
    return seen(result) | {"called": list(called)}


async def streamed(model, question=QUESTION, **options):
    called.clear()
    text = ""
    try:
        result = Runner.run_streamed(agent(model, **options), question)
        async for event in result.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                text += event.data.delta
    except Exception as error:  # noqa: BLE001 - what is raised after the first deltas is the point
        return {"raised": type(error).__name__, "message": str(error), "streamed_text": text}
    return seen(result) | {"called": list(called), "streamed_text": text}


async def reasoning(ask):
    """A second turn on the first one's items: the reasoning goes back."""
    settings = ModelSettings(reasoning=Reasoning(effort="low", summary="auto"))
    first = await ask("reasoning", settings)
    thoughts = [
        part.text
        for item in first.new_items
        if item.type == "reasoning_item"
        for part in item.raw_item.summary
    ]
    again = [*first.to_input_list(), {"role": "user", "content": "Why?"}]
    second = await Runner.run(agent("reasoning"), again)
    return seen(first) | {"thoughts": thoughts, "second_output": second.final_output}


async def ask_whole(model, settings):
    return await Runner.run(agent(model, model_settings=settings), "How much is two plus two?")


async def ask_streamed(model, settings):
    result = Runner.run_streamed(agent(model, model_settings=settings), "How much is two plus two?")
    async for _ in result.stream_events():
        pass
    return result


def image():
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": IMAGE, "detail": "low"},
    ]
    return whole("image", [{"role": "user", "content": parts}])


run(
    {
        "text": lambda: whole("text"),
        "text-stream": lambda: streamed("text"),
        "tools": lambda: whole("tools", tools=[get_weather]),
        "tools-stream": lambda: streamed("tools", tools=[get_weather]),
        "parallel": lambda: whole("parallel", tools=[get_weather]),
        "parallel-stream": lambda: streamed("parallel", tools=[get_weather]),
        "reasoning": lambda: reasoning(ask_whole),
        "reasoning-stream": lambda: reasoning(ask_streamed),
        "structured": lambda: whole("structured", output_type=Weather),
        "structured-stream": lambda: streamed("structured", output_type=Weather),
        "refusal": lambda: whole("refusal"),
        "refusal-stream": lambda: streamed("refusal"),
        "length": lambda: whole("length"),
        "length-stream": lambda: streamed("length"),
        "filter": lambda: whole("filter"),
        "filter-stream": lambda: streamed("filter"),
        "image": image,
        "error": lambda: whole("error"),
        "error-stream": lambda: streamed("error"),
        "rate": lambda: whole("rate"),
        "rate-stream": lambda: streamed("rate"),
        "failure": lambda: streamed("failure"),
        "truncated": lambda: streamed("truncated"),
    }
)
