//! The request cases of the shared corpus of dialects.

use crate::drive::with;
use crate::support::{corpus, expect_request};

#[test]
fn every_request_case_of_the_corpus_holds() {
    let Some((folder, cases)) = corpus::cases() else { return };
    let requests: Vec<_> = cases.into_iter().filter(corpus::is_request).collect();
    for case in &requests {
        let chat = with("generic", &case["profile"]).chat(&corpus::body(&folder, case));
        if let Err(wrong) = expect_request::sent(case, &chat) {
            panic!("{}: {wrong}\n{chat:#}", corpus::id(case));
        }
    }
    assert!(requests.len() >= 13, "the corpus has only {} request cases", requests.len());
}
