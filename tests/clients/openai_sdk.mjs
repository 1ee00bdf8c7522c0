// The OpenAI SDK for Node: `responses.create`, `responses.stream` and `responses.parse`.

import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { API_KEY, BASE_URL, IMAGE, QUESTION, raised, run, WEATHER } from "./cases.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });

const weather_tool = {
  type: "function",
  name: "get_weather",
  description: "The weather of a city.",
  strict: true,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
};
const weather_format = zodTextFormat(z.object({ city: z.string(), degrees: z.number() }), "weather");

function seen(response) {
  return {
    status: response.status,
    text: response.output_text,
    items: response.output.map((item) => item.type),
    model: response.model,
    usage: response.usage && [response.usage.input_tokens, response.usage.output_tokens],
    reason: response.incomplete_details?.reason ?? null,
    error: response.error?.code ?? null,
  };
}

const create = (model, request = {}) => client.responses.create({ model, input: QUESTION, ...request });

const stream = (model, request = {}) =>
  client.responses.stream({ model, input: QUESTION, ...request }).finalResponse();

async function streamed(model) {
  let deltas = 0;
  let streamed_text = "";
  const events = client.responses.stream({ model, input: QUESTION });
  events.on("response.output_text.delta", (event) => {
    deltas += 1;
    streamed_text += event.delta;
  });
  const response = await events.finalResponse();
  return { ...seen(response), deltas, streamed_text };
}

async function tool_round_trip(model, ask) {
  const conversation = [{ role: "user", content: QUESTION }];
  const first = await ask(model, { input: conversation, tools: [weather_tool] });
  const calls = first.output.filter((item) => item.type === "function_call");
  conversation.push(...first.output);
  for (const call of calls) {
    const output = WEATHER[JSON.parse(call.arguments).city];
    conversation.push({ type: "function_call_output", call_id: call.call_id, output });
  }
  const second = await ask(model, { input: conversation, tools: [weather_tool] });
  return {
    ...seen(second),
    calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]),
    first_items: first.output.map((item) => item.type),
  };
}

async function reasoning(ask) {
  const conversation = [{ role: "user", content: "How much is two plus two?" }];
  const first = await ask("reasoning", {
    input: conversation,
    reasoning: { effort: "low", summary: "auto" },
  });
  const thoughts = first.output
    .filter((item) => item.type === "reasoning")
    .flatMap((item) => item.summary.map((part) => part.text));
  conversation.push(...first.output, { role: "user", content: "Why?" });
  const second = await ask("reasoning", { input: conversation });
  return { ...seen(first), thoughts, second_text: second.output_text };
}

async function structured(ask) {
  const response = await ask("structured", { text: { format: weather_format } });
  return { ...seen(response), parsed: response.output_parsed };
}

async function refusal(ask) {
  const response = await ask("refusal");
  const parts = response.output.flatMap((item) => item.content);
  const refusals = parts.filter((part) => part.type === "refusal").map((part) => part.refusal);
  return { ...seen(response), refusals };
}

async function image() {
  const content = [
    { type: "input_text", text: "What is this?" },
    { type: "input_image", image_url: IMAGE, detail: "low" },
  ];
  return seen(await create("image", { input: [{ role: "user", content }] }));
}

// How a broken stream looks to a program that iterates over it.
async function stream_ends(model, events) {
  let text = "";
  let last = null;
  try {
    for await (const event of await events(model)) {
      last = event.type;
      text += event.type === "response.output_text.delta" ? event.delta : "";
    }
  } catch (error) {
    return { ...raised(error), text };
  }
  return { raised: null, last, text };
}

const iterate = (model) => create(model, { stream: true });
const helper = (model) => client.responses.stream({ model, input: QUESTION });
const parse = (model, request) => client.responses.parse({ model, input: QUESTION, ...request });

await run({
  "text": async () => seen(await create("text")),
  "text-stream": () => streamed("text"),
  "tools": () => tool_round_trip("tools", create),
  "tools-stream": () => tool_round_trip("tools", stream),
  "parallel": () => tool_round_trip("parallel", create),
  "parallel-stream": () => tool_round_trip("parallel", stream),
  "reasoning": () => reasoning(create),
  "reasoning-stream": () => reasoning(stream),
  "structured": () => structured(parse),
  "structured-stream": () => structured(stream),
  "refusal": () => refusal(create),
  "refusal-stream": () => refusal(stream),
  "length": async () => seen(await create("length")),
  "length-stream": () => streamed("length"),
  "filter": async () => seen(await create("filter")),
  "filter-stream": () => streamed("filter"),
  "image": image,
  "error": () => create("error"),
  "error-stream": () => stream("error"),
  "rate": () => create("rate"),
  "rate-stream": () => stream("rate"),
  "failure": () => stream_ends("failure", iterate),
  "failure-stream": () => stream_ends("failure", helper),
  "truncated": () => stream_ends("truncated", iterate),
  "truncated-stream": () => stream_ends("truncated", helper),
});
