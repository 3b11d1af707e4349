//! The function blocks of Green Button: to which category each id belongs, what it measures, its name.

/// What a function block is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// What every implementation has.
    Base,
    /// What is metered.
    Commodity,
    /// Which shape energy data has.
    EnergyDataShape,
    /// Data about the customer as a person.
    CustomerPii,
    /// Ways of asking.
    Interaction,
    /// Many customers at once.
    BulkTransfer,
    /// Ways of being authorised.
    Authorization,
    /// Managing registrations.
    Administration,
    /// What all rest on.
    Platform,
    /// Withdrawn from the standard.
    Deprecated,
    /// None that the standard names.
    Unknown,
}

/// Kinds of service, with the numbers of ESPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceKind {
    /// 0.
    Electricity = 0,
    /// 1.
    Gas = 1,
    /// 2.
    Water = 2,
    /// 3.
    Time = 3,
    /// 4.
    Heat = 4,
    /// 5.
    Refuse = 5,
    /// 6.
    Sewerage = 6,
    /// 7.
    Rates = 7,
    /// 8.
    TvLicence = 8,
    /// 9.
    Internet = 9,
}

use Category::{
    Administration, Authorization, Base, BulkTransfer, Commodity, CustomerPii, EnergyDataShape, Interaction,
    Platform,
};

/// Every active block. Names are for people; nothing is decided by them.
pub const ACTIVE: [(i32, Category, &str); 46] = [
    (1, Platform, "Common (energy usage)"),
    (2, Interaction, "Download My Data (energy usage)"),
    (3, Interaction, "Connect My Data (energy usage)"),
    (4, Base, "Interval Metering"),
    (5, Commodity, "Interval Electricity Metering"),
    (6, Commodity, "Demand Electricity Metering"),
    (7, Commodity, "Net Metering"),
    (8, Commodity, "Forward and Reverse Metering"),
    (9, Commodity, "Register Values"),
    (10, Commodity, "Gas Interval Metering"),
    (11, Commodity, "Water Interval Metering"),
    (12, EnergyDataShape, "Cost of Interval Data"),
    (13, Platform, "Security and Privacy Classes (energy usage)"),
    (15, EnergyDataShape, "Usage Summary"),
    (16, EnergyDataShape, "Usage Summary with Cost"),
    (17, EnergyDataShape, "Power Quality Summary"),
    (27, EnergyDataShape, "Usage Summary with Demands and Previous Day Attributes"),
    (28, EnergyDataShape, "Usage Summary Costs for Current Billing Period"),
    (29, Commodity, "Temperature Interval Metering"),
    (30, Platform, "Common User Experience"),
    (31, Authorization, "Authentication and authorization without pre-negotiated scope"),
    (35, BulkTransfer, "REST bulk (energy usage)"),
    (37, Interaction, "Query Parameters (energy usage)"),
    (39, Interaction, "PUSH (energy usage)"),
    (40, Authorization, "Offline Authorization (energy usage)"),
    (41, Administration, "Manage ApplicationInformation"),
    (44, Administration, "Manage Authorization"),
    (51, Platform, "Common (retail customer)"),
    (52, Interaction, "Download My Data (retail customer)"),
    (53, Base, "Connect My Data (retail customer)"),
    (54, CustomerPii, "Basic Retail Customer Information"),
    (55, CustomerPii, "Retail Customer Address"),
    (56, CustomerPii, "Retail Customer Billing"),
    (57, CustomerPii, "Retail Customer Account Agreement"),
    (58, CustomerPii, "Retail Customer Service Location"),
    (59, CustomerPii, "Retail Customer Service Supplier"),
    (60, CustomerPii, "Retail Customer Meter"),
    (61, CustomerPii, "Retail Customer End Device"),
    (62, CustomerPii, "Retail Customer Program Date Id Mapping"),
    (63, Platform, "Common User Experience (retail customer)"),
    (64, Platform, "Security and Privacy Classes (retail customer)"),
    (65, Authorization, "Authentication and authorization without pre-negotiated scope (retail customer)"),
    (67, BulkTransfer, "REST bulk (retail customer)"),
    (68, Interaction, "Query Parameters (retail customer)"),
    (69, Interaction, "PUSH (retail customer)"),
    (70, Authorization, "Offline Authorization (retail customer)"),
];

/// Ids that the standard has withdrawn.
pub const DEPRECATED: [i32; 14] = [14, 18, 19, 32, 33, 34, 36, 38, 46, 47, 48, 49, 50, 66];

/// The category of an id.
#[must_use]
pub fn category(id: i32) -> Category {
    if is_deprecated(id) {
        return Category::Deprecated;
    }
    ACTIVE.iter().find(|(known, ..)| *known == id).map_or(Category::Unknown, |(_, category, _)| *category)
}

/// The name of an active id.
#[must_use]
pub fn name(id: i32) -> Option<&'static str> {
    ACTIVE.iter().find(|(known, ..)| *known == id).map(|(.., name)| *name)
}

/// Whether the standard has withdrawn it.
#[must_use]
pub fn is_deprecated(id: i32) -> bool {
    DEPRECATED.contains(&id)
}

/// What a commodity block measures; `None` for temperature and for every other block.
#[must_use]
pub const fn service_kind(id: i32) -> Option<ServiceKind> {
    match id {
        5..=9 => Some(ServiceKind::Electricity),
        10 => Some(ServiceKind::Gas),
        11 => Some(ServiceKind::Water),
        _ => None,
    }
}
