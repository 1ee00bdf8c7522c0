//! Framing: the frames of a body do not depend on how it was cut, and no buffer outgrows its limit.

use responses_filter::sse::{Decoder, Frame, TooLarge};

use super::settings::{cuts, split};

/// Checks the property for one byte of cuts, one of the limit and a body.
pub fn holds(data: &[u8]) {
    let Some(([seed, limit], body)) = split(data) else { return };
    // Limits that the body can reach, and one that it cannot.
    let limit = if limit == 0 { 1 << 20 } else { limit * 4 };
    let whole = frames(body, [], limit);
    for at in [cuts(seed, body.len()), cuts(1, body.len())] {
        let pieces = frames(body, at, limit);
        // Where the limit is passed, what is given out before the error may depend on the cuts.
        match (&whole, &pieces) {
            (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
            (Err(_), Err(_)) => {}
            (one, other) => panic!("whole {one:?}, in pieces {other:?}"),
        }
    }
    for (_, data) in whole.into_iter().flatten() {
        assert!(data.len() <= limit, "{} bytes pass a limit of {limit}", data.len());
    }
}

type Owned = (String, Vec<u8>);

fn frames(
    body: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    limit: usize,
) -> Result<Vec<Owned>, TooLarge> {
    let mut decoder = Decoder::new(limit);
    let mut frames = Vec::new();
    let mut sink = |frame: Frame<'_>| match frame {
        Frame::Data { event, data } => {
            frames.push((format!("data {}", String::from_utf8_lossy(event)), data.to_vec()));
        }
        Frame::Done => frames.push(("done".to_owned(), Vec::new())),
        // Comments are signs of life: how many there are says nothing.
        Frame::Comment => {}
        Frame::Document(data) => frames.push(("document".to_owned(), data.to_vec())),
    };
    let mut from = 0;
    for at in cuts.into_iter().chain([body.len()]) {
        decoder.push(&body[from..at], &mut sink)?;
        from = at;
    }
    decoder.finish(&mut sink)?;
    Ok(frames)
}
