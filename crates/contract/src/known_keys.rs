//! The keys of a contract: those of ODCS, up to v3.2 (<https://github.com/bitol-io/open-data-contract-standard>, `schema/`),
//! whether they are used here or not. Of `customProperties` they are ours; anybody else's begin with `x-`.

use super::layout;

/// `customProperties` of a dataset (an object of `schema`). One name a line.
pub(super) const DATASET_PROPERTIES: &[&[&str]] = &[
    layout::KEYS,
    &[
        "booleans",
        "compositeRuleEvaluation",
        "dateFormat",
        "dropLimit",
        "dropLimitTimezone",
        "finalColumn",
        "fractions",
        "key",
        "maxQuarantineRatio",
        "nullPartition",
        "nullTexts",
        "numberFormat",
        "partitionBy",
        "placeholderDates",
        "refine",
        "revisionColumn",
        "ruleset",
        "series",
        "sortOrder",
        "stampColumn",
        "timestampFormat",
    ],
];

/// `customProperties` of a column. One name a line.
pub(super) const COLUMN_PROPERTIES: &[&[&str]] = &[&[
    "allowedValues",
    "booleans",
    "cardinality",
    "dateFormat",
    "determinedBy",
    "encoding",
    "epochRange",
    "floatNoise",
    "floatingPoint",
    "fractions",
    "nullTexts",
    "numberFormat",
    "placeholderDates",
    "purpose",
    "role",
    "spreadsheetNumbers",
    "timestampFormat",
    "timezone",
    "unit",
]];

/// What is behind a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// Whatever.
    Any,
    /// An object of this level, or a list of them.
    Object(&'static Level),
    /// Custom properties, of these names; any where none are given.
    Custom(&'static [&'static [&'static str]]),
}

/// The keys of one kind of object.
#[derive(Debug)]
pub(super) struct Level {
    /// What the object is, for people.
    pub(super) what: &'static str,
    /// Keys with nothing of interest behind them.
    pub(super) plain: &'static [&'static str],
    /// The others.
    pub(super) deeper: &'static [(&'static str, Next)],
}

const LINKS: (&str, Next) = ("authoritativeDefinitions", Next::Object(&LINK));
const FOREIGN: (&str, Next) = ("customProperties", Next::Custom(&[]));

pub(super) static CONTRACT: Level = Level {
    what: "the contract",
    plain: &[
        "apiVersion",
        "context",
        "contractCreatedTs",
        "dataProduct",
        "domain",
        "id",
        "kind",
        "name",
        "slaDefaultElement",
        "status",
        "synonyms",
        "tags",
        "tenant",
        "version",
    ],
    deeper: &[
        LINKS,
        // Nothing is read there: what is ours belongs to the dataset.
        ("customProperties", Next::Custom(&[&[]])),
        ("description", Next::Object(&DESCRIPTION)),
        ("price", Next::Object(&PRICE)),
        ("roles", Next::Object(&ROLE)),
        ("schema", Next::Object(&DATASET)),
        ("servers", Next::Object(&SERVER)),
        ("slaProperties", Next::Object(&SLA)),
        ("support", Next::Object(&SUPPORT)),
        ("team", Next::Object(&TEAM)),
    ],
};
static DESCRIPTION: Level =
    Level { what: "the description", plain: &["limitations", "purpose", "usage"], deeper: &[LINKS, FOREIGN] };
pub(super) static DATASET: Level = Level {
    what: "a dataset",
    plain: &[
        "businessName",
        "context",
        "dataGranularityDescription",
        "deprecated",
        "description",
        "id",
        "logicalType",
        "name",
        "physicalName",
        "physicalType",
        "synonyms",
        "tags",
    ],
    deeper: &[
        LINKS,
        ("customProperties", Next::Custom(DATASET_PROPERTIES)),
        ("properties", Next::Object(&COLUMN)),
        ("quality", Next::Object(&QUALITY)),
        ("relationships", Next::Object(&RELATIONSHIP)),
    ],
};
pub(super) static COLUMN: Level = Level {
    what: "a column",
    plain: &[
        "businessName",
        "classification",
        "context",
        "criticalDataElement",
        "deprecated",
        "description",
        "encryptedName",
        "enum",
        "examples",
        "id",
        "logicalType",
        "name",
        "partitionKeyPosition",
        "partitioned",
        "physicalName",
        "physicalType",
        "primaryKey",
        "primaryKeyPosition",
        "required",
        "semanticType",
        "synonyms",
        "tags",
        "transformDescription",
        "transformLogic",
        "transformSourceObjects",
        "unique",
    ],
    deeper: &[
        LINKS,
        ("customProperties", Next::Custom(COLUMN_PROPERTIES)),
        ("items", Next::Object(&COLUMN)),
        ("logicalTypeOptions", Next::Object(&TYPE_OPTIONS)),
        ("properties", Next::Object(&COLUMN)),
        ("quality", Next::Object(&QUALITY)),
        ("relationships", Next::Object(&RELATIONSHIP)),
    ],
};
static TYPE_OPTIONS: Level = Level {
    what: "logicalTypeOptions",
    plain: &[
        "defaultTimezone",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "timezone",
        "uniqueItems",
    ],
    deeper: &[],
};
static QUALITY: Level = Level {
    what: "a quality rule",
    plain: &[
        "arguments",
        "businessImpact",
        "description",
        "dimension",
        "engine",
        "id",
        "implementation",
        "method",
        "metric",
        "mustBe",
        "mustBeBetween",
        "mustBeGreaterOrEqualTo",
        "mustBeGreaterThan",
        "mustBeLessOrEqualTo",
        "mustBeLessThan",
        "mustNotBe",
        "mustNotBeBetween",
        "name",
        "query",
        "rule",
        "schedule",
        "scheduler",
        "severity",
        "tags",
        "type",
        "unit",
        "validValues",
    ],
    deeper: &[LINKS, FOREIGN],
};
static RELATIONSHIP: Level =
    Level { what: "a relationship", plain: &["from", "id", "to", "type"], deeper: &[FOREIGN] };
static LINK: Level =
    Level { what: "an authoritative definition", plain: &["description", "id", "type", "url"], deeper: &[] };
static SUPPORT: Level = Level {
    what: "a support channel",
    plain: &["channel", "description", "id", "invitationUrl", "scope", "tool", "url"],
    deeper: &[FOREIGN],
};
static PRICE: Level =
    Level { what: "the price", plain: &["id", "priceAmount", "priceCurrency", "priceUnit"], deeper: &[] };
static ROLE: Level = Level {
    what: "a role",
    plain: &["access", "description", "firstLevelApprovers", "id", "role", "secondLevelApprovers"],
    deeper: &[FOREIGN],
};
static SLA: Level = Level {
    what: "a service level",
    plain: &[
        "description",
        "driver",
        "element",
        "id",
        "property",
        "schedule",
        "scheduler",
        "unit",
        "value",
        "valueExt",
    ],
    deeper: &[LINKS, FOREIGN],
};
/// A team, or of before v3.1 a member.
static TEAM: Level = Level {
    what: "the team",
    plain: &[
        "dateIn",
        "dateOut",
        "description",
        "id",
        "name",
        "replacedByUsername",
        "role",
        "tags",
        "username",
    ],
    deeper: &[LINKS, FOREIGN, ("members", Next::Object(&TEAM))],
};
static SERVER: Level = Level {
    what: "a server",
    plain: &[
        "account",
        "catalog",
        "database",
        "dataset",
        "delimiter",
        "description",
        "driver",
        "encryption",
        "endpointUrl",
        "environment",
        "format",
        "host",
        "id",
        "location",
        "path",
        "port",
        "project",
        "region",
        "regionName",
        "schema",
        "server",
        "serviceName",
        "stagingDir",
        "stream",
        "type",
        "warehouse",
    ],
    deeper: &[("roles", Next::Object(&ROLE)), FOREIGN],
};
/// One of `customProperties`, but for `property` itself.
pub(super) static CUSTOM_PROPERTY: Level = Level {
    what: "a custom property",
    plain: &["description", "id", "property", "value", "vendor"],
    deeper: &[],
};
