//! Models in SQL, by DataFusion.
