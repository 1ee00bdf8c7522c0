//! Token counts: where upstreams put them, what they call them, and how they add up.

use super::value::{number, object};
use crate::chat;
use crate::chat::lenient::{Raw, members};

members! {
    /// The names under which counts come. `Details` come under two names each.
    struct Counts {
        prompt_tokens,
        completion_tokens,
        total_tokens,
        prompt_tokens_details,
        completion_tokens_details,
        // Names of the Responses and Messages APIs, which gateways let through.
        input_tokens,
        output_tokens,
        input_tokens_details,
        output_tokens_details,
        cache_read_input_tokens,
        cache_creation_input_tokens,
        // DeepSeek.
        prompt_cache_hit_tokens,
        // Kimi.
        cached_tokens,
        // Perplexity.
        reasoning_tokens,
        // Ollama's own API, beside its message.
        prompt_eval_count,
        eval_count,
    }

    struct Details {
        cached_tokens,
        cache_write_tokens,
        reasoning_tokens,
    }
}

/// Reads token counts; `None` when the value holds none.
pub fn read(raw: Raw<'_>) -> Option<chat::Usage> {
    let counts: Counts<'_> = object(raw)?;
    let prompt = first([counts.prompt_tokens, counts.input_tokens, counts.prompt_eval_count]);
    let completion = first([counts.completion_tokens, counts.output_tokens, counts.eval_count]);
    let total = number(counts.total_tokens);
    prompt.or(completion).or(total)?;
    let details = |one, other| object(one).or_else(|| object(other)).unwrap_or_default();
    let prompt_details: Details<'_> =
        details(counts.prompt_tokens_details, counts.input_tokens_details);
    let completion_details: Details<'_> =
        details(counts.completion_tokens_details, counts.output_tokens_details);
    let cached = first([
        prompt_details.cached_tokens,
        counts.prompt_cache_hit_tokens,
        counts.cached_tokens,
        counts.cache_read_input_tokens,
    ]);
    let cache_write =
        first([prompt_details.cache_write_tokens, counts.cache_creation_input_tokens]);
    let reasoning = first([completion_details.reasoning_tokens, counts.reasoning_tokens]);
    Some(add_up(
        chat::Usage {
            prompt_tokens: prompt.unwrap_or(0),
            cached_tokens: cached.unwrap_or(0),
            cache_write_tokens: cache_write.unwrap_or(0),
            completion_tokens: completion
                .unwrap_or_else(|| total.unwrap_or(0).saturating_sub(prompt.unwrap_or(0))),
            reasoning_tokens: reasoning.unwrap_or(0),
            total_tokens: 0,
        },
        total,
    ))
}

/// Brings counts that exclude each other into the API's form, where the prompt includes its cached
/// tokens and the completion its reasoning.
fn add_up(mut usage: chat::Usage, total: Option<u64>) -> chat::Usage {
    let apart = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    // xAI counts reasoning beside the completion, DeepInfra's Gemini too, with a total that leaves
    // it out.
    let with_reasoning = apart.saturating_add(usage.reasoning_tokens);
    if usage.reasoning_tokens > usage.completion_tokens
        || (usage.reasoning_tokens > 0 && total == Some(with_reasoning))
    {
        usage.completion_tokens = usage.completion_tokens.saturating_add(usage.reasoning_tokens);
    }
    if usage.cached_tokens > usage.prompt_tokens {
        usage.prompt_tokens = usage.prompt_tokens.saturating_add(usage.cached_tokens);
    }
    let sum = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    usage.total_tokens = total.unwrap_or(0).max(sum);
    usage
}

fn first<const N: usize>(raws: [Raw<'_>; N]) -> Option<u64> {
    raws.into_iter().find_map(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// prompt, cached, cache write, completion, reasoning, total
    fn counts(json: &str) -> Option<[u64; 6]> {
        let document = crate::dialect::value::document(json).unwrap();
        let usage = read(Some(document.root()))?;
        Some([
            usage.prompt_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.completion_tokens,
            usage.reasoning_tokens,
            usage.total_tokens,
        ])
    }

    #[test]
    fn u_the_plain_form() {
        let json = r#"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,
            "prompt_tokens_details":{"cached_tokens":64,"cache_write_tokens":8,"audio_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":7}}"#;
        assert_eq!(counts(json), Some([100, 64, 8, 20, 7, 120]));
    }

    #[test]
    fn u_cached_tokens_under_every_name() {
        for cached in [
            r#""prompt_tokens_details":{"cached_tokens":64}"#,
            r#""prompt_tokens_details":null,"prompt_cache_hit_tokens":64"#,
            r#""prompt_tokens_details":{"cached_tokens":null},"cached_tokens":64"#,
            r#""cache_read_input_tokens":64"#,
            r#""input_tokens_details":{"cached_tokens":"64"}"#,
        ] {
            let json = format!(r#"{{"prompt_tokens":100,"completion_tokens":20,{cached}}}"#);
            assert_eq!(counts(&json), Some([100, 64, 0, 20, 0, 120]), "{cached}");
        }
    }

    #[test]
    fn u_names_of_other_apis() {
        let json = r#"{"input_tokens":100,"output_tokens":20,"cache_creation_input_tokens":3,
            "output_tokens_details":{"reasoning_tokens":5}}"#;
        assert_eq!(counts(json), Some([100, 0, 3, 20, 5, 120]));
        assert_eq!(counts(r#"{"prompt_eval_count":9,"eval_count":1}"#), Some([9, 0, 0, 1, 0, 10]));
        assert_eq!(counts(r#"{"prompt_tokens":9,"total_tokens":10.0}"#), Some([9, 0, 0, 1, 0, 10]));
    }

    #[test]
    fn u_reasoning_beside_the_completion_is_added() {
        let xai = r#"{"prompt_tokens":307,"completion_tokens":26,"total_tokens":560,
            "completion_tokens_details":{"reasoning_tokens":227}}"#;
        assert_eq!(counts(xai), Some([307, 0, 0, 253, 227, 560]));
        let deepinfra = r#"{"prompt_tokens":100,"completion_tokens":84,"total_tokens":184,
            "completion_tokens_details":{"reasoning_tokens":1081}}"#;
        assert_eq!(counts(deepinfra), Some([100, 0, 0, 1165, 1081, 1265]));
        let perplexity =
            r#"{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"reasoning_tokens":5}"#;
        assert_eq!(counts(perplexity), Some([10, 0, 0, 20, 5, 30]));
    }

    #[test]
    fn u_more_cached_than_prompt_tokens_were_counted_apart() {
        let json = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
            "prompt_tokens_details":{"cached_tokens":90}}"#;
        assert_eq!(counts(json), Some([100, 90, 0, 5, 0, 105]));
    }

    #[test]
    fn u_values_without_counts_are_none() {
        for json in ["{}", "[]", "\"x\"", r#"{"queue_time":1.0}"#, r#"{"prompt_tokens":null}"#] {
            assert_eq!(counts(json), None, "{json}");
        }
        assert_eq!(
            counts(&format!(r#"{{"prompt_tokens":{0},"completion_tokens":{0}}}"#, u64::MAX)),
            Some([u64::MAX, 0, 0, u64::MAX, 0, u64::MAX])
        );
    }
}
