//! The ONNX Runtime: a library that is loaded when the process runs, and the models it runs.

use crate::Model;
use crate::fault::{Fault, Refused, not_finite};
use crate::manifest::{Manifest, TOLERANCE};
use crate::meaning::Meaning;
use ort::environment::Environment;
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, TensorRef};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const INSTALL: &str = "install ONNX Runtime 1.17 or newer (`pip install onnxruntime` has it in onnxruntime/capi) and set models.library to its libonnxruntime.so";

/// A process has one ONNX Runtime: the first one that could be loaded.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The library, loaded.
#[derive(Clone, Debug)]
pub struct Library(Environment);

impl Library {
    /// Loads the library, or gives the one that was loaded from there before.
    ///
    /// # Errors
    /// When it is not there, is something else or too old, or when the process has another one.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        match &*loaded {
            Some((known, environment)) if known == path => Ok(Self(environment.clone())),
            Some((known, _)) => {
                let reason = format!("the process has loaded {} before", known.display());
                Err(Refused::new(
                    path,
                    reason,
                    "start it anew for another library",
                ))
            }
            None => {
                let environment = load(path)?;
                *loaded = Some((path.to_owned(), environment.clone()));
                Ok(Self(environment))
            }
        }
    }
}

fn load(path: &Path) -> Result<Environment, Refused> {
    let refused = |reason: String| Refused::new(path, reason, INSTALL);
    // A bare name is looked up where the system keeps its libraries.
    let is_bare = path.components().count() == 1;
    let whole = if is_bare {
        path.to_owned()
    } else {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    };
    if !is_bare && !whole.is_file() {
        return Err(refused("there is no such file".to_owned()));
    }
    let builder = ort::init_from(&whole).map_err(|error| refused(one_line(&error)))?;
    let environment = builder.with_name("orion").with_telemetry(false).build();
    environment.map_err(|error| refused(one_line(&error)))
}

/// Messages of the runtime may have several lines.
fn one_line(error: &impl std::fmt::Display) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A model as an ONNX file, whose manifest was found to be true.
#[derive(Debug)]
pub struct Onnx {
    session: Session,
    meaning: Meaning,
    input: String,
    output: String,
    features: usize,
}

impl Onnx {
    /// Loads a model and asks it everything its manifest has the answers to.
    ///
    /// # Errors
    /// When the file is not the one that the manifest means, its graph has another shape, or it answers otherwise.
    pub fn load(library: &Library, manifest: &Manifest) -> Result<Self, Refused> {
        let bytes = read(manifest)?;
        let refused = |reason| {
            let remedy = "export the model again, and see that onnxruntime runs it";
            Refused::new(&manifest.file, reason, remedy)
        };
        let session = open(library, &bytes).map_err(|error| refused(one_line(&error)))?;
        check_input(&session, manifest)?;
        check_output(&session, manifest)?;
        let mut onnx = Self {
            session,
            meaning: Meaning {
                kind: manifest.kind,
                columns: manifest.columns,
                role: manifest.role.clone(),
            },
            input: manifest.input.clone(),
            output: manifest.output.clone(),
            features: manifest.features.len(),
        };
        onnx.test(manifest)?;
        Ok(onnx)
    }

    /// The graph's numbers in the columns that are read, as they are.
    ///
    /// # Errors
    /// As [`Model::ask`].
    pub fn raw(&mut self, features: &[f32]) -> Result<Vec<f64>, Fault> {
        let output = self.run(features)?;
        self.meaning.raw(&output)
    }

    fn run(&mut self, features: &[f32]) -> Result<Vec<f32>, Fault> {
        if features.len() != self.features {
            let (given, wanted) = (features.len(), self.features);
            return Err(Fault::Shape { given, wanted });
        }
        if let Some(place) = not_finite(features) {
            return Err(Fault::NotFinite { place });
        }
        let failed = |error: ort::Error| Fault::Failed(one_line(&error));
        let row = TensorRef::from_array_view(([1, features.len()], features)).map_err(failed)?;
        let outputs = self
            .session
            .run(ort::inputs![self.input.as_str() => row])
            .map_err(failed)?;
        let (_, numbers) = outputs[self.output.as_str()]
            .try_extract_tensor::<f32>()
            .map_err(failed)?;
        Ok(numbers.to_vec())
    }

    fn test(&mut self, manifest: &Manifest) -> Result<(), Refused> {
        for (place, test) in manifest.self_tests.iter().enumerate() {
            let refused = |reason: String| {
                let remedy = "write what onnxruntime gives for x in the columns of output_index, before anything is made of it";
                Refused::new(&manifest.path, reason, remedy)
                    .field(format!("selftest[{place}].y"), format!("{:?}", test.y))
            };
            let given = self
                .raw(&test.x)
                .map_err(|fault| refused(fault.to_string()))?;
            let is_off = |(given, told): (&f64, &f64)| {
                (given - told).abs() > TOLERANCE * told.abs().max(1.0)
            };
            if given.iter().zip(&test.y).any(is_off) {
                return Err(refused(format!("the model gives {given:?}")));
            }
            // What it means must be an answer too.
            self.ask(&test.x)
                .map_err(|fault| refused(fault.to_string()))?;
        }
        Ok(())
    }
}

impl Model for Onnx {
    fn ask(&mut self, features: &[f32]) -> Result<f64, Fault> {
        let output = self.run(features)?;
        self.meaning.read(&output)
    }
}

/// The file's bytes, if they are those that the manifest means.
fn read(manifest: &Manifest) -> Result<Vec<u8>, Refused> {
    let bytes = std::fs::read(&manifest.file).map_err(|error| {
        let reason = format!("{} cannot be read ({error})", manifest.file.display());
        Refused::new(&manifest.path, reason, "name a file beside the manifest").field("file", "")
    })?;
    let digest = Sha256::digest(&bytes);
    let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if found != manifest.sha256 {
        let reason = format!("{} has the sum {found}", manifest.file.display());
        let remedy = "the manifest was made for another file: put that file there, or make the manifest again";
        return Err(Refused::new(&manifest.path, reason, remedy).field("sha256", &manifest.sha256));
    }
    Ok(bytes)
}

/// One thread, and none that waits for work by spinning: a question is small, and the machine has other things to do.
fn open(library: &Library, bytes: &[u8]) -> Result<Session, ort::Error> {
    let plain = |error: ort::Error<_>| ort::Error::new(error.to_string());
    Session::builder(&library.0)?
        .with_intra_threads(1)
        .map_err(plain)?
        .with_inter_threads(1)
        .map_err(plain)?
        .with_intra_op_spinning(false)
        .map_err(plain)?
        .commit_from_memory(bytes)
}

fn find<'a>(
    outlets: &'a [Outlet],
    name: &str,
    field: &str,
    manifest: &Manifest,
) -> Result<&'a Outlet, Refused> {
    let known: Vec<_> = outlets.iter().map(Outlet::name).collect();
    outlets
        .iter()
        .find(|outlet| outlet.name() == name)
        .ok_or_else(|| {
            let reason = format!("the graph has no such {field}");
            let remedy = format!("it has {}", known.join(", "));
            Refused::new(&manifest.path, reason, remedy).field(field, format!("{name:?}"))
        })
}

fn check_input(session: &Session, manifest: &Manifest) -> Result<(), Refused> {
    let outlet = find(session.inputs(), &manifest.input, "input", manifest)?;
    let refused = |field: &str, value: String, reason: String| {
        let remedy = "a model has one input: 32-bit floats of the shape [1, number of features]";
        Refused::new(&manifest.path, reason, remedy).field(field, value)
    };
    if session.inputs().len() > 1 {
        let reason = format!("the graph has {} inputs", session.inputs().len());
        return Err(refused("input", format!("{:?}", manifest.input), reason));
    }
    if outlet.dtype().tensor_type() != Some(TensorElementType::Float32) {
        let reason = format!("the graph's input is {}", outlet.dtype());
        return Err(refused("dtype", "\"f32\"".to_owned(), reason));
    }
    let columns = manifest.features.len() as i64;
    let dimensions: &[i64] = outlet.dtype().tensor_shape().map_or(&[], |shape| shape);
    // How many rows there are may be left open, as converters do.
    match dimensions {
        [1 | -1, found] if *found == columns => Ok(()),
        other => {
            let reason = format!("the graph's input has the shape {other:?}");
            Err(refused("shape", format!("[1, {columns}]"), reason))
        }
    }
}

fn check_output(session: &Session, manifest: &Manifest) -> Result<(), Refused> {
    let outlet = find(session.outputs(), &manifest.output, "output", manifest)?;
    if outlet.dtype().tensor_type() == Some(TensorElementType::Float32) {
        return Ok(());
    }
    let reason = format!("the graph gives {} there", outlet.dtype());
    let remedy = "name an output of 32-bit floats: converters of scikit-learn and LightGBM give one with zipmap=False";
    Err(Refused::new(&manifest.path, reason, remedy)
        .field("output", format!("{:?}", manifest.output)))
}
