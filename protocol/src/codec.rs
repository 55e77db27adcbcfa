//! Wire forms of domain values.
