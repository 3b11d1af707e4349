//! The grammar of scopes and the catalog of function blocks.

use data_custodian::scope::catalog::{self, ACTIVE, Category, DEPRECATED, ServiceKind};
use data_custodian::scope::{Scope, ScopeError};
use std::collections::BTreeSet;

fn parsed(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn blocks(scope: &Scope) -> Vec<i32> {
    scope.function_blocks().iter().copied().collect()
}

fn fault(text: &str) -> (String, String) {
    match Scope::parse(text) {
        Err(ScopeError::NoInteger { key, value }) => (key, value),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_full_grammar_is_read() {
    let scope = parsed("FB=4_5_15;IntervalDuration=3600;BlockDuration=monthly;HistoryLength=13");
    assert_eq!(blocks(&scope), [4, 5, 15]);
    assert_eq!(scope.interval_duration(), Some(3600));
    assert_eq!(scope.block_duration(), Some("monthly"));
    assert_eq!(scope.history_length(), Some(13));
    assert!(scope.extras().is_empty());
}

#[test]
fn blocks_are_sorted_and_each_is_there_once() {
    assert_eq!(blocks(&parsed("FB=15_04_29_5_5")), [4, 5, 15, 29]);
    assert_eq!(blocks(&parsed("FB=+5_-7_0")), [-7, 0, 5]);
}

#[test]
fn repeated_lists_of_blocks_are_united() {
    let scope = parsed("FB=4;FB=54");
    assert_eq!(blocks(&scope), [4, 54]);
    assert!(scope.includes_customer_pii());
}

#[test]
fn other_terms_are_kept_in_their_order_with_the_case_of_their_keys() {
    let scope = parsed("FB=4;a=b=c;flag;=v;SubscriptionFrequency=Daily;a=again");
    let pairs = [("a", "again"), ("flag", ""), ("", "v"), ("SubscriptionFrequency", "Daily")];
    assert_eq!(scope.extras(), pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(parsed("FB=4;a=b=c").extras(), [("a".to_owned(), "b=c".to_owned())]);
}

#[test]
fn the_case_of_known_keys_does_not_matter() {
    let scope = parsed("fb=4;INTERVALDURATION=1;historylength=2;blockDuration=Daily");
    assert_eq!(blocks(&scope), [4]);
    let read = (scope.interval_duration(), scope.history_length(), scope.block_duration());
    assert_eq!(read, (Some(1), Some(2), Some("Daily")));
}

#[test]
fn white_space_and_empty_segments_are_skipped() {
    let scope = parsed(" ;; FB = 4_5 ; ; IntervalDuration = 3600 ;");
    assert_eq!((blocks(&scope), scope.interval_duration()), (vec![4, 5], Some(3600)));
    assert_eq!(blocks(&parsed("FB=4__ 5 _")), [4, 5]);
}

#[test]
fn a_scope_without_blocks_is_valid() {
    for text in ["FB=", "IntervalDuration=3600", ";;"] {
        assert!(blocks(&parsed(text)).is_empty(), "{text}");
    }
    assert_eq!(parsed("BlockDuration=").block_duration(), Some(""));
    assert_eq!(parsed(";;").block_duration(), None);
}

#[test]
fn of_repeated_values_the_last_counts_and_all_must_be_valid() {
    assert_eq!(parsed("IntervalDuration=1;IntervalDuration=2").interval_duration(), Some(2));
    assert_eq!(parsed("BlockDuration=a;BlockDuration=b").block_duration(), Some("b"));
    assert_eq!(fault("HistoryLength=x;HistoryLength=2").1, "x");
}

#[test]
fn a_blank_text_is_no_scope() {
    for text in ["", " ", "\t\n"] {
        assert_eq!(Scope::parse(text), Err(ScopeError::Blank), "{text:?}");
    }
}

#[test]
fn what_is_no_integer_is_named_with_its_key_as_written() {
    let rows = [
        ("FB=4_x_15", "FB", "x"),
        ("fb=4_x", "fb", "x"),
        ("FB=4;IntervalDuration=", "IntervalDuration", ""),
        ("FB=4;IntervalDuration=900_3600", "IntervalDuration", "900_3600"),
        ("FB=4_5 openid", "FB", "5 openid"),
        ("FB=3000000000", "FB", "3000000000"),
        ("HistoryLength=1.5", "HistoryLength", "1.5"),
        ("FB=٤", "FB", "٤"),
    ];
    for (text, key, value) in rows {
        assert_eq!(fault(text), (key.to_owned(), value.to_owned()), "{text}");
    }
}

#[test]
fn unknown_and_withdrawn_blocks_are_carried() {
    let scope = parsed("FB=4_99_36");
    assert_eq!(blocks(&scope), [4, 36, 99]);
    assert_eq!(scope.in_category(Category::Deprecated), BTreeSet::from([36]));
    assert_eq!(scope.in_category(Category::Unknown), BTreeSet::from([99]));
}

#[test]
fn blocks_are_found_by_category() {
    let scope = parsed("FB=1_2_4_5_10_15_31_35_41_53_54");
    assert_eq!(scope.in_category(Category::Commodity), BTreeSet::from([5, 10]));
    assert_eq!(scope.in_category(Category::Base), BTreeSet::from([4, 53]));
    assert_eq!(scope.in_category(Category::CustomerPii), BTreeSet::from([54]));
}

#[test]
fn commodity_blocks_tell_their_services() {
    let all = BTreeSet::from([ServiceKind::Electricity, ServiceKind::Gas, ServiceKind::Water]);
    assert_eq!(parsed("FB=5_9_10_11_29_15").commodity_kinds(), all);
}

#[test]
fn temperature_alone_is_no_service() {
    assert!(parsed("FB=29").commodity_kinds().is_empty());
    assert_eq!(parsed("FB=29").in_category(Category::Commodity), BTreeSet::from([29]));
}

#[test]
fn personal_and_energy_data_are_told_by_their_blocks() {
    for id in 54..=62 {
        assert!(parsed(&format!("FB={id}")).includes_customer_pii(), "{id}");
    }
    assert!(!parsed("FB=53_63").includes_customer_pii());
    for id in [12, 15, 16, 17, 27, 28] {
        assert!(parsed(&format!("FB={id}")).includes_energy_data(), "{id}");
    }
    assert!(!parsed("FB=4_5_13_29").includes_energy_data());
}

#[test]
fn the_text_is_kept_as_it_came() {
    assert_eq!(parsed(" fb=4 ;").raw(), " fb=4 ;");
}

#[test]
fn ids_of_the_catalog_are_unique_within_1_to_70_and_withdrawn_ones_are_others() {
    let active: BTreeSet<i32> = ACTIVE.iter().map(|(id, ..)| *id).collect();
    assert_eq!((ACTIVE.len(), active.len(), DEPRECATED.len()), (46, 46, 14));
    assert!(active.iter().chain(&DEPRECATED).all(|id| (1..=70).contains(id)));
    assert!(DEPRECATED.iter().all(|id| !active.contains(id) && catalog::is_deprecated(*id)));
}

#[test]
fn every_id_has_the_category_of_the_specification() {
    let rows: [(Category, &[i32]); 10] = [
        (Category::Base, &[4, 53]),
        (Category::Commodity, &[5, 6, 7, 8, 9, 10, 11, 29]),
        (Category::EnergyDataShape, &[12, 15, 16, 17, 27, 28]),
        (Category::CustomerPii, &[54, 55, 56, 57, 58, 59, 60, 61, 62]),
        (Category::Interaction, &[2, 3, 37, 39, 52, 68, 69]),
        (Category::BulkTransfer, &[35, 67]),
        (Category::Authorization, &[31, 40, 65, 70]),
        (Category::Administration, &[41, 44]),
        (Category::Platform, &[1, 13, 30, 51, 63, 64]),
        (Category::Deprecated, &[14, 18, 19, 32, 33, 34, 36, 38, 46, 47, 48, 49, 50, 66]),
    ];
    for id in -2..=75 {
        let wanted =
            rows.iter().find(|(_, ids)| ids.contains(&id)).map_or(Category::Unknown, |(one, _)| *one);
        assert_eq!(catalog::category(id), wanted, "{id}");
        let active = !matches!(wanted, Category::Unknown | Category::Deprecated);
        assert_eq!(catalog::name(id).is_some(), active, "{id}");
    }
}

#[test]
fn kinds_of_service_have_the_numbers_of_the_standard() {
    let kinds = [
        ServiceKind::Electricity,
        ServiceKind::Gas,
        ServiceKind::Water,
        ServiceKind::Time,
        ServiceKind::Heat,
        ServiceKind::Refuse,
        ServiceKind::Sewerage,
        ServiceKind::Rates,
        ServiceKind::TvLicence,
        ServiceKind::Internet,
    ];
    assert_eq!(kinds.map(|kind| kind as i32), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}
