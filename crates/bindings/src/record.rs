//! Frozen records with named fields, for Python to read.

macro_rules! python_record {
    ($(#[$meta:meta])* $name:ident { $($field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[pyclass(frozen, get_all, module = "synchromesh._native")]
        #[derive(Clone, Debug)]
        #[allow(missing_docs)]
        pub struct $name { $($field: $ty),* }

        #[pymethods]
        impl $name {
            fn __repr__(&self) -> String {
                let fields: Vec<String> = vec![$(format!(concat!(stringify!($field), "={:?}"), self.$field)),*];
                format!(concat!(stringify!($name), "({})"), fields.join(", "))
            }
        }
    };
}
