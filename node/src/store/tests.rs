//! Real directories: what was acknowledged is there, what is damaged is named, space is bounded.

mod damage;
mod durability;
mod past;
mod shelves;
mod space;
mod stage;
