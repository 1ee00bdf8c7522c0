//! `envoy --mode validate`, the linter of configurations: it starts the filter as well.

use crate::example::Example;

#[test]
fn a_good_configuration_passes() {
    for name in ["by-model.yaml", "without-hold.yaml", "rate-limit.yaml", "observability.yaml"] {
        let (passed, said) = Example::read(name).validate();
        assert!(passed, "{name}: {said}");
    }
}

#[test]
fn a_refused_configuration_is_named_in_one_line() {
    let wrong = [
        (r#""preset": "ollama""#, r#""preset": "olama""#, "upstreams.local.preset: unknown name"),
        (r#""model": "local/*""#, r#""modle": "local/*""#, "rules[1].modle: unknown field"),
        (r#""keep_alive_seconds": 5"#, r#""keep_alive_seconds": "5""#, "takes a whole number"),
        (r#""hold_headers": false,"#, r#""hold_headers": false;"#, "configuration: is no JSON"),
    ];
    for (from, to, reason) in wrong {
        let (passed, said) = Example::read("without-hold.yaml").replace(from, to).validate();
        assert!(!passed, "{to} passes");
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("responses-filter refuses its configuration: "))
            .collect();
        assert!(matches!(lines.as_slice(), [line] if line.contains(reason)), "{said}");
    }
}
