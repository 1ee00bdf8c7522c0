// Vercel's AI SDK with its two providers for the Responses API; the second argument names one:
// `openai` (@ai-sdk/openai) or `open-responses` (@ai-sdk/open-responses).

import { createOpenResponses } from "@ai-sdk/open-responses";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";
import { API_KEY, BASE_URL, IMAGE, QUESTION, raised, run, WEATHER } from "./cases.mjs";

const providers = {
  "openai": () => {
    const openai = createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
    return (model) => openai.responses(model);
  },
  "open-responses": () =>
    createOpenResponses({ name: "filter", url: `${BASE_URL}/responses`, apiKey: API_KEY }),
};
const provider = process.argv[3];
const model = providers[provider]();

function weather_tools(called) {
  const get_weather = tool({
    description: "The weather of a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      called.push(city);
      return WEATHER[city];
    },
  });
  return { get_weather };
}

async function whole(name, options = {}) {
  const result = await generateText({
    model: model(name),
    prompt: QUESTION,
    maxRetries: 0,
    ...options,
  });
  return result;
}

// Reads the stream to its end; its promises then hold the same as those of a whole answer.
async function stream(name, options = {}) {
  let failure = null;
  let streamed_text = "";
  const result = streamText({
    model: model(name),
    prompt: QUESTION,
    maxRetries: 0,
    onError: ({ error }) => {
      failure = error;
    },
    ...options,
  });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") streamed_text += part.text;
  }
  if (failure !== null) {
    failure.streamed_text = streamed_text;
    throw failure;
  }
  const settled = {};
  const members = ["text", "finishReason", "usage", "totalUsage", "reasoningText", "steps", "response", "content"];
  for (const member of members) settled[member] = await result[member];
  if (options.output !== undefined) settled.output = await result.output;
  return { ...settled, streamed_text };
}

function seen(result) {
  return {
    text: result.text,
    finish_reason: result.finishReason,
    usage: [result.usage.inputTokens, result.usage.outputTokens],
    parts: result.content.map((part) => part.type),
    steps: result.steps.length,
    ...(result.streamed_text === undefined ? {} : { streamed_text: result.streamed_text }),
  };
}

async function tools(name, ask) {
  const called = [];
  const result = await ask(name, { tools: weather_tools(called), stopWhen: isStepCount(3) });
  return { ...seen(result), called };
}

async function reasoning(ask) {
  const options = provider === "openai"
    ? { providerOptions: { openai: { reasoningSummary: "auto", store: false, forceReasoning: true, include: ["reasoning.encrypted_content"] } } }
    : {};
  const messages = [{ role: "user", content: "How much is two plus two?" }];
  const first = await ask("reasoning", { ...options, prompt: undefined, messages });
  messages.push(...first.response.messages, { role: "user", content: "Why?" });
  const second = await ask("reasoning", { ...options, prompt: undefined, messages });
  return { ...seen(first), thoughts: first.reasoningText, second_text: second.text };
}

async function structured(ask) {
  const output = Output.object({ schema: z.object({ city: z.string(), degrees: z.number() }) });
  const result = await ask("structured", { output });
  return { ...seen(result), parsed: result.output };
}

async function image() {
  const content = [
    { type: "text", text: "What is this?" },
    { type: "file", mediaType: "image/png", data: IMAGE },
  ];
  return seen(await whole("image", { prompt: undefined, messages: [{ role: "user", content }] }));
}

async function stream_ends(name) {
  try {
    return seen(await stream(name));
  } catch (error) {
    return { ...raised(error), streamed_text: error.streamed_text };
  }
}

await run({
  "text": async () => seen(await whole("text")),
  "text-stream": async () => seen(await stream("text")),
  "tools": () => tools("tools", whole),
  "tools-stream": () => tools("tools", stream),
  "parallel": () => tools("parallel", whole),
  "parallel-stream": () => tools("parallel", stream),
  "reasoning": () => reasoning(whole),
  "reasoning-stream": () => reasoning(stream),
  "structured": () => structured(whole),
  "structured-stream": () => structured(stream),
  "refusal": async () => seen(await whole("refusal")),
  "refusal-stream": async () => seen(await stream("refusal")),
  "length": async () => seen(await whole("length")),
  "length-stream": async () => seen(await stream("length")),
  "filter": async () => seen(await whole("filter")),
  "filter-stream": async () => seen(await stream("filter")),
  "image": image,
  "error": () => whole("error"),
  "error-stream": () => stream("error"),
  "rate": () => whole("rate"),
  "rate-stream": () => stream("rate"),
  "failure": () => stream_ends("failure"),
  "truncated": () => stream_ends("truncated"),
});
