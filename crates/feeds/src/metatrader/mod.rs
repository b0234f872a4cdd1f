//! MetaTrader 4 and 5: what ORION's expert advisors send.
