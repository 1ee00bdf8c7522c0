//! The request cases of the shared corpus of dialects.

use responses_filter::dialect::presets;
use serde_json::Value;

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

#[test]
fn presets_are_at_least_what_the_corpus_suggests() {
    let Some((folder, _)) = corpus::cases() else { return };
    let profiles = std::fs::read(folder.join("profiles.json")).expect("suggested profiles");
    let profiles: Value = serde_json::from_slice(&profiles).expect("JSON");
    for (name, suggested) in profiles.as_object().expect("profiles by name") {
        let Some(suggested) = suggested.as_object() else { continue };
        let ours = presets::json(name).expect("a preset");
        let ours: Value = serde_json::from_str(&ours).expect("a record");
        for (field, value) in suggested.iter().filter(|(field, _)| *field != "extends") {
            assert_eq!(ours[field], *value, "{name}: {field}");
        }
    }
}
