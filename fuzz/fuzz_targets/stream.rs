#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| responses_filter_fuzz::stream::holds(data));
