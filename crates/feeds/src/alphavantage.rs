//! Alpha Vantage: previous closes and slow quotes within its few calls a day.
