// What the Node clients share: the questions they ask and the form of their report. See cases.py.

export const BASE_URL = process.argv[2];
export const API_KEY = "test-key";

export const QUESTION = "How is the weather in Paris?";
export const WEATHER = { Paris: "sunny, 22 degrees", Rome: "rainy, 17 degrees" };

// A red square of 8 x 8 pixels.
export const IMAGE =
  "data:image/png;base64," +
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";

/** Runs each case and prints what it returns, or what it throws, as one line of JSON. */
export async function run(cases) {
  for (const [name, ask] of Object.entries(cases)) {
    let seen;
    try {
      seen = await ask();
    } catch (error) {
      seen = raised(error);
    }
    console.log(JSON.stringify({ case: name, ...seen }));
  }
}

/** What an exception tells a program. */
export function raised(error) {
  return {
    raised: error.constructor.name,
    message: error.message,
    status: error.status ?? error.statusCode ?? null,
    code: error.code ?? null,
  };
}
