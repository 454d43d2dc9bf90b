//! What vendors' codes and types of errors mean: whether another attempt may succeed.

use serde_json::Value as Json;

/// Whether an error passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Another attempt may succeed: the server is busy, loading, or broke down.
    Passing,
    /// The same request would fail again: a wrong key, an unknown model, no credit, a field that is not accepted.
    Lasting,
    /// No code says so; the status must decide.
    Unknown,
}

/// Codes and types of accounts without credit: these are told with the status 429 of limits that pass.
const CREDIT: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_balance",
    "insufficient_credits",
    "payment_required",
];

/// Codes and types that are words, in small letters and with underscores. Words of lasting errors come first where both
/// are given.
const LASTING: &[&str] = &[
    "invalid_api_key",
    "authentication_error",
    "authenticationerror",
    "unauthenticated",
    "unauthorized",
    "permission_error",
    "permission_denied",
    "permissiondeniederror",
    "forbidden",
    "model_not_found",
    "model_decommissioned",
    "deploymentnotfound",
    "not_found",
    "not_found_error",
    "notfounderror",
    "unknown_url",
    "unknown_parameter",
    "unsupported_parameter",
    "unsupported_value",
    "unsupported_country_region_territory",
    "operationnotsupported",
    "not_supported_error",
    "integer_below_min_value",
    "integer_above_max_value",
    "invalid_value",
    "invalid_type",
    "invalid_request_error",
    "invalid_argument",
    "invalid_prompt",
    "failed_precondition",
    "bad_request",
    "badrequesterror",
    "validation",
    "validation_error",
    "validationerror",
    "extra_forbidden",
    "missing",
    "context_length_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
    "content_filter",
    "content_policy_violation",
    "contentfilter",
    "responsibleaipolicyviolation",
    "request_too_large",
];

/// As above, for errors that pass.
const PASSING: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit_reached",
    "ratelimitreached",
    "ratelimiterror",
    "too_many_requests",
    "tokens",
    "requests",
    "resource_exhausted",
    "overloaded",
    "overloaded_error",
    "engine_overloaded",
    "server_overloaded",
    "server_error",
    "internal_server_error",
    "internalservererror",
    "internal_error",
    "internal",
    "api_error",
    "service_unavailable",
    "serviceunavailable",
    "unavailable",
    "unavailable_error",
    "temporarily_unavailable",
    "timeout",
    "timeout_error",
    "deadline_exceeded",
    "aborted",
    "bad_gateway",
    "upstream_error",
    "provider_error",
    "model_loading",
    "loading",
];

/// MiniMax's numbers: limits of requests and tokens, time-outs and errors of its own pass.
const MINIMAX_PASSING: &[i64] = &[1000, 1001, 1002, 1013, 1024, 1033, 1039, 1041];
/// Zhipu's: concurrency, frequency, and the service being busy.
const ZHIPU_PASSING: &[i64] = &[500, 1120, 1230, 1234, 1302, 1303, 1305, 1312];
/// Baidu's: an unknown error, the limit of requests a second, an internal error, and the service being busy.
const BAIDU_PASSING: &[i64] = &[1, 2, 4, 18, 336_000, 336_100, 336_104, 336_501, 336_502];

/// Whether an error with these codes says that the account has no credit left, which no waiting mends.
pub(crate) fn is_about_credit(codes: &[String]) -> bool {
    names_one_of(codes, CREDIT)
}

fn names_one_of(codes: &[String], known: &[&str]) -> bool {
    let word = |code: &String| code.trim().to_ascii_lowercase().replace(['-', ' ', '.'], "_");
    codes.iter().any(|code| known.contains(&word(code).as_str()))
}

/// Whether an error with these codes passes; `body` tells vendors apart whose codes are numbers of their own.
pub(crate) fn persistence(codes: &[String], body: &Json) -> Persistence {
    let any = |known| names_one_of(codes, known);
    // A numeric status beside a general type is more exact than the type: 429 with "invalid_request_error".
    let number = codes.iter().find_map(|code| code.parse::<i64>().ok());
    if is_about_credit(codes) {
        return Persistence::Lasting;
    }
    let passes = |passing: bool| if passing { Persistence::Passing } else { Persistence::Lasting };
    match number {
        Some(number) if body["base_resp"]["status_code"].is_number() => {
            return passes(MINIMAX_PASSING.contains(&number));
        }
        Some(number) if body["error_code"].is_number() => return passes(BAIDU_PASSING.contains(&number)),
        Some(408 | 409 | 425 | 429 | 500 | 502..=504 | 520..=530) => return Persistence::Passing,
        Some(400..=407 | 410..=424 | 426..=428 | 430..=499 | 501) => return Persistence::Lasting,
        Some(number @ 1000..=1999) => return passes(ZHIPU_PASSING.contains(&number)),
        _ => {}
    }
    if any(LASTING) {
        Persistence::Lasting
    } else if any(PASSING) {
        Persistence::Passing
    } else {
        Persistence::Unknown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_of_vendors_say_whether_an_error_passes() {
        let of = |codes: &[&str]| {
            persistence(&codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>(), &json!({}))
        };
        for codes in [
            &["insufficient_quota"][..],
            &["insufficient_quota", "429"],
            &["invalid_request_error", "model_not_found"],
            &["invalid_api_key"],
            &["401"],
            &["NotFoundError", "404"],
            &["content_filter"],
            &["INVALID_ARGUMENT", "400"],
            &["DeploymentNotFound"],
            &["extra_forbidden"],
            &["1113"],
        ] {
            assert_eq!(of(codes), Persistence::Lasting, "{codes:?}");
        }
        for codes in [
            &["rate_limit_exceeded"][..],
            &["overloaded_error"],
            &["RESOURCE_EXHAUSTED", "429"],
            &["invalid_request_error", "429"],
            &["502"],
            &["unavailable_error", "503"],
            &["InternalServerError", "500"],
            &["1302"],
            &["server_error"],
        ] {
            assert_eq!(of(codes), Persistence::Passing, "{codes:?}");
        }
        for codes in [&[][..], &["something_new"], &["200"], &["7"]] {
            assert_eq!(of(codes), Persistence::Unknown, "{codes:?}");
        }
    }

    #[test]
    fn numbers_mean_what_their_vendor_means_by_them() {
        let minimax = |code: i64| {
            persistence(&[code.to_string()], &json!({"base_resp": {"status_code": code, "status_msg": "x"}}))
        };
        assert_eq!(
            (minimax(1002), minimax(1004), minimax(1008)),
            (Persistence::Passing, Persistence::Lasting, Persistence::Lasting)
        );
        let baidu =
            |code: i64| persistence(&[code.to_string()], &json!({"error_code": code, "error_msg": "x"}));
        assert_eq!(
            (baidu(18), baidu(110), baidu(336_100)),
            (Persistence::Passing, Persistence::Lasting, Persistence::Passing)
        );
    }
}
