//! How long to wait: `Retry-After` and everything that upstreams send in its place.

use std::borrow::Cow;

use crate::json::decimal::Decimal;
use crate::json::search;

/// The delay in seconds, rounded up: from `retry-after` and its relatives, else from the body, else
/// from the reset times of rate limits.
pub fn from_headers(
    headers: &[(Cow<'_, str>, Cow<'_, str>)],
    now_s: u64,
    in_body: Option<u64>,
) -> Option<u64> {
    let header = |name: &str| {
        let value = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.1.trim())
    };
    let after = header("retry-after").and_then(|value| retry_after(value, now_s));
    let after_ms = || Some(seconds(Decimal::parse(header("retry-after-ms")?)?.millionths() / 1000));
    let limits = || {
        let limit = |kind: &str| {
            let reset = header(&format!("x-ratelimit-reset-{kind}")).and_then(duration)?;
            let remaining = header(&format!("x-ratelimit-remaining-{kind}"));
            // Only the limit that was hit says when to come back.
            Some((remaining != Some("0"), reset))
        };
        let of_kind = limit("requests").into_iter().chain(limit("tokens")).min();
        of_kind.map(|(_, reset)| reset).or_else(|| reset(header("x-ratelimit-reset")?, now_s))
    };
    after.or_else(after_ms).or(in_body).or_else(limits)
}

/// `12`, `12.5`, `12s` or a date.
fn retry_after(value: &str, now_s: u64) -> Option<u64> {
    if let Some(number) = Decimal::parse(value) {
        return Some(seconds(number.millionths()));
    }
    duration(value).or_else(|| Some(date(value)?.saturating_sub(now_s)))
}

/// A reset time: a duration, or a point in time in seconds or milliseconds since 1970.
fn reset(value: &str, now_s: u64) -> Option<u64> {
    const YEAR_US: u64 = 365 * 86_400 * SECOND_US;
    let Some(number) = Decimal::parse(value) else { return duration(value) };
    let (number, now_us) = (number.millionths(), now_s.saturating_mul(SECOND_US));
    Some(seconds(match number {
        0..=YEAR_US => number,
        number if number / 1000 <= YEAR_US => number.saturating_sub(now_us),
        milliseconds => (milliseconds / 1000).saturating_sub(now_us),
    }))
}

const SECOND_US: u64 = 1_000_000;

/// Microseconds in seconds, rounded up.
const fn seconds(microseconds: u64) -> u64 {
    microseconds.div_ceil(SECOND_US)
}

/// `11.2s`, `1m3s`, `120ms`, `2 minutes`: the delay in seconds, rounded up.
pub fn duration(text: &str) -> Option<u64> {
    leading_duration(text).and_then(|(number, rest)| rest.trim().is_empty().then_some(number))
}

/// The duration at the start of a text, and what follows it.
fn leading_duration(text: &str) -> Option<(u64, &str)> {
    let mut rest = text.trim_start();
    let mut total_us: u64 = 0;
    let mut found = false;
    loop {
        let digits = rest.len()
            - rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.').len();
        let Some((number, behind)) = rest.split_at_checked(digits).filter(|_| digits > 0) else {
            break;
        };
        let behind = behind.trim_start();
        let word =
            behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, behind) = behind.split_at_checked(word).unwrap_or((behind, ""));
        let Some(unit_ms) = unit_ms(unit) else { break };
        let Some(number) = Decimal::parse(number.trim_end_matches('.')) else { break };
        // In thousandths of a millionth second, nothing that people write is lost.
        total_us = total_us.saturating_add(number.millionths().saturating_mul(unit_ms) / 1000);
        found = true;
        rest = behind;
    }
    found.then(|| (seconds(total_us), rest))
}

fn unit_ms(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ms" | "milliseconds" | "millisecond" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    })
}

/// The delay that a text asks for: `try again in 11.2s`.
pub fn in_text(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    ["try again in", "retry in", "try again after", "retry after"].iter().find_map(|lead| {
        let (_, rest) = search::split_once(&text, lead)?;
        Some(leading_duration(rest)?.0)
    })
}

/// Makes sure that a message has the delay in the words that clients look for. Codex reads no
/// minutes.
pub fn say(message: &mut String, delay_s: u64) {
    let lower = message.to_ascii_lowercase();
    let readable = search::split_once(&lower, "try again in").is_some_and(|(_, rest)| {
        let rest = rest.trim_start();
        let unit = rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
        let unit = unit.trim_start();
        unit.len() < rest.len() && (unit.starts_with('s') || unit.starts_with("ms"))
    });
    if !readable {
        if !message.ends_with(['.', '!', '?']) {
            message.push('.');
        }
        message.push_str(&format!(" Please try again in {delay_s}s."));
    }
}

/// Seconds since 1970 of a date as HTTP writes it: `Wed, 21 Oct 2026 07:28:00 GMT` (RFC 9110
/// §5.6.7); the obsolete forms are not read.
fn date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split_once(',')?.1.split([' ', ':']).filter(|word| !word.is_empty());
    let day: u64 = words.next()?.parse().ok()?;
    let month = words.next().filter(|month| month.len() == 3)?;
    let month = search::find(MONTHS, month).filter(|at| at % 3 == 0)? as u64 / 3 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut clock = [0; 3];
    for part in &mut clock {
        *part = words.next()?.parse::<u64>().ok().filter(|part| *part <= 60)?;
    }
    let [hour, minute, second] = clock;
    // Days from civil: years begin in March, so that the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (153 * month + 2) / 5 + day.checked_sub(1)?;
    Some(days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(headers: &[(&str, &str)], now_s: u64, in_body: Option<u64>) -> Option<u64> {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        from_headers(&headers, now_s, in_body)
    }

    #[test]
    fn retry_after_in_all_forms() {
        assert_eq!(delay(&[("retry-after", "12")], 0, Some(3)), Some(12));
        assert_eq!(delay(&[("Retry-After", "1.2")], 0, None), Some(2));
        assert_eq!(delay(&[("retry-after-ms", "1500")], 0, None), Some(2));
        let now_s = 1_792_567_680 - 90;
        assert_eq!(
            delay(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], now_s, None),
            Some(90)
        );
        assert_eq!(
            delay(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], now_s, None),
            Some(0)
        );
        assert_eq!(delay(&[("retry-after", "soon")], 0, None), None);
    }

    #[test]
    fn resets_of_rate_limits() {
        let both = [
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "1m3.2s"),
            ("x-ratelimit-remaining-tokens", "0"),
        ];
        assert_eq!(delay(&both, 0, None), Some(64));
        assert_eq!(delay(&both[..2], 0, None), Some(1));
        assert_eq!(delay(&both, 0, Some(7)), Some(7));
        let now_s = 1_790_000_000;
        assert_eq!(delay(&[("x-ratelimit-reset", "1790000030000")], now_s, None), Some(30));
        assert_eq!(delay(&[("x-ratelimit-reset", "1790000030")], now_s, None), Some(30));
        assert_eq!(delay(&[("x-ratelimit-reset", "30")], now_s, None), Some(30));
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("11.2s", Some(12)),
            ("1m3s", Some(63)),
            ("120ms", Some(1)),
            ("2 minutes", Some(120)),
            ("1h", Some(3600)),
            ("12", None),
            ("s", None),
            ("", None),
            ("99999999999999999999999999d", Some(u64::MAX / 1_000_000_000 + 1)),
            ("0.1m", Some(6)),
            ("0.5ms", Some(1)),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn delays_in_texts() {
        assert_eq!(in_text("Rate limited. Please try again in 11.2s. Visit x"), Some(12));
        assert_eq!(in_text("Please retry in 31.5s."), Some(32));
        assert_eq!(in_text("Try again in 1m3.5s."), Some(64));
        assert_eq!(in_text("try again in a while"), None);
    }

    #[test]
    fn messages_say_the_delay_once() {
        for (message, expected) in [
            ("Slow down", "Slow down. Please try again in 5s."),
            ("Please try again in 4.2s.", "Please try again in 4.2s."),
            ("Try again in 10 seconds", "Try again in 10 seconds"),
            ("Try again in 1m5s.", "Try again in 1m5s. Please try again in 5s."),
        ] {
            let mut said = message.to_owned();
            say(&mut said, 5);
            assert_eq!(said, expected);
        }
    }
}
