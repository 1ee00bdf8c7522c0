//! Any error of an upstream becomes one OpenAI error object, and says the same however it was cut.

use super::settings::{cuts, split};
use super::stream::legal;
use super::support::drive::{Upstream, exchange};

/// Checks the property for four bytes of settings and the body of an error.
pub fn holds(data: &[u8]) {
    let Some(([shape, status, configuration, seed], body)) = split(data) else { return };
    let client = super::stream::client(shape, 0, configuration);
    let upstream = Upstream { status: 300 + (status % 300) as u16, ..Upstream::json(body) };
    let whole = exchange(&client, &upstream);
    legal_failure(&whole, &upstream);
    let pieces = exchange(&client, &upstream.cut_at(cuts(seed, body.len())));
    legal_failure(&pieces, &upstream);
    assert_eq!((whole.status, whole.body()), (pieces.status, pieces.body()));
}

fn legal_failure(answer: &super::support::drive::Answer, upstream: &Upstream) {
    // Redirects and other 3xx become errors as well; without held headers the status stays.
    if answer.status >= 400 {
        legal(answer, upstream);
    }
    assert!(answer.body().len() < 8 << 10, "{} bytes of error", answer.body().len());
}
