//! Asks a model on the caller's own thread and waits for it: for whoever has time, and must hear the same every time.

use crate::Model;
use crate::fault::Fault;
use crate::runner::{Silence, words};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A model that is asked and waited for. What panics or fails is switched off, as it is where [`crate::Runner`] asks; only time
/// is not looked at.
pub struct Direct {
    model: Box<dyn Model>,
    off: Option<String>,
}

impl Direct {
    #[must_use]
    pub fn new(model: Box<dyn Model>) -> Self {
        Self { model, off: None }
    }

    /// # Errors
    /// When there is no answer: why.
    pub fn ask(&mut self, features: &[f32]) -> Result<f64, Silence> {
        if self.off.is_some() {
            return Err(Silence::Off);
        }
        // A model that panicked is never asked again, so that nobody sees what it left half done.
        let asked = catch_unwind(AssertUnwindSafe(|| self.model.ask(features)));
        match asked {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Fault::NotFinite { .. })) => Err(Silence::NotFinite),
            Ok(Err(fault)) => Err(self.switch_off(fault.to_string())),
            Err(panic) => Err(self.switch_off(format!("it panicked: {}", words(&*panic)))),
        }
    }

    /// Why it is switched off; `None` while it is not.
    #[must_use]
    pub fn off(&self) -> Option<&str> {
        self.off.as_deref()
    }

    fn switch_off(&mut self, reason: String) -> Silence {
        self.off = Some(reason.clone());
        Silence::SwitchedOff(reason)
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("off", &self.off)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does what the first feature says.
    struct Made;

    impl Model for Made {
        fn ask(&mut self, features: &[f32]) -> Result<f64, Fault> {
            match features[0] as i32 {
                1 => panic!("I am made of glass"),
                2 => Err(Fault::Failed("no memory".to_owned())),
                3 => Err(Fault::NotFinite { place: 0 }),
                _ => Ok(f64::from(features[0])),
            }
        }
    }

    #[test]
    fn what_panics_or_fails_is_asked_no_more() {
        for (first, reason) in [
            (1.0, "it panicked: I am made of glass"),
            (2.0, "the ONNX Runtime failed: no memory"),
        ] {
            let mut direct = Direct::new(Box::new(Made));
            assert_eq!(direct.ask(&[0.5]), Ok(0.5));
            let switched_off = Silence::SwitchedOff(reason.to_owned());
            assert_eq!(direct.ask(&[first]), Err(switched_off));
            assert_eq!(direct.ask(&[0.5]), Err(Silence::Off));
            assert_eq!(direct.off(), Some(reason));
        }
        let mut direct = Direct::new(Box::new(Made));
        assert_eq!(direct.ask(&[3.0]), Err(Silence::NotFinite));
        assert_eq!((direct.ask(&[0.25]), direct.off()), (Ok(0.25), None));
    }
}
