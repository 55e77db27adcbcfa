//! Secret keys and the genesis, as files: what a node and an operator have before there is a mesh.
//!
//! A key file is readable by its owner alone, or refused. Whatever is written is written whole or not at all. Nothing here
//! speaks to a mesh, and no key is ever printed.

mod clock;
mod deed;
mod key;
mod permit;
pub mod space;
mod whole;

pub use clock::now;
pub use deed::{Deed, DeedError, GENESIS_FILE, Plan, found, keep_genesis, read_genesis};
pub use key::{
    KeyError, NODE_KEY_FILE, OPERATOR_KEY_FILE, create_key, draw_seed, load_key, make_folder,
};
pub use permit::{invite, load_operator};
pub use whole::write_whole;
