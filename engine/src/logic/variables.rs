//! The operators that read data: `var`, `val`, `missing` and `missing_some`.

use super::Failure;
use super::convert::{to_number, to_text};
use super::data::{Data, List, Text};
use super::evaluate::{Evaluation, Scope};
use super::number::Number;
use super::program::Node;

/// Memory charged for recording a path besides its text, in bytes.
const ENTRY: usize = 64;

type Result<T> = std::result::Result<T, Failure>;

impl<'a> Scope<'a> {
    fn index(&self) -> usize {
        match self {
            Self::Value { index, .. } | Self::Fold { index, .. } => *index,
        }
    }

    fn member(&self, name: &str) -> Option<Data<'a>> {
        match (self, name) {
            (Self::Value { value, .. }, _) => value.member(name),
            (Self::Fold { current, .. }, "current") => Some(current.clone()),
            (Self::Fold { accumulator, .. }, "accumulator") => Some(accumulator.clone()),
            (Self::Fold { .. }, _) => None,
        }
    }

    /// The whole value; fails in `reduce`, which offers two.
    fn whole(&self) -> Result<Data<'a>> {
        match self {
            Self::Value { value, .. } => Ok(value.clone()),
            Self::Fold { .. } => Err(Failure::WholeFold),
        }
    }

    /// Returns whether the path leads to the accumulator of `reduce`, which is no part of the context.
    fn is_computed(&self, path: &str) -> bool {
        matches!(self, Self::Fold { .. }) && path.split('.').next() == Some("accumulator")
    }
}

impl<'a> Evaluation<'a, '_> {
    /// Evaluates `{"var": path}` or `{"var": [path, default]}`. The default replaces null as well as what is absent.
    pub(super) fn var(&mut self, arguments: &'a [Node]) -> Result<Data<'a>> {
        let path = self.argument(arguments, 0)?;
        let path = self.path(&path)?;
        let found = self.look_up(&path)?;
        match (found.is_null(), arguments.get(1)) {
            (true, Some(default)) => self.evaluate(default),
            (true, None) => {
                self.note_absent(0, &path)?;
                Ok(Data::Null)
            }
            (false, _) => Ok(found),
        }
    }

    /// Reads a path as text. Null becomes the empty path, which stands for the whole value.
    fn path(&mut self, path: &Data<'a>) -> Result<Text<'a>> {
        match path {
            Data::Null => Ok(Text::Borrowed("")),
            other => {
                let path = to_text(other, &mut self.meter)?;
                self.meter.read(path.len())?;
                Ok(path)
            }
        }
    }

    /// Returns the value at a dotted path of the innermost scope; null when it is absent.
    fn look_up(&mut self, path: &str) -> Result<Data<'a>> {
        let scope = self.scope(0);
        if path.is_empty() {
            return scope.whole();
        }
        let mut names = path.split('.');
        let mut found = names.next().and_then(|name| scope.member(name));
        for name in names {
            self.meter.step()?;
            found = found.and_then(|value| value.member(name));
        }
        Ok(found.unwrap_or(Data::Null))
    }

    /// Returns the scope `up` operators further out than the innermost one, at most the context.
    fn scope(&self, up: usize) -> &Scope<'a> {
        &self.scopes[self.scopes.len().saturating_sub(up + 1)]
    }

    fn note_absent(&mut self, up: usize, path: &str) -> Result<()> {
        if self.scope(up).is_computed(path) {
            return Ok(());
        }
        self.meter.build(ENTRY + path.len())?;
        let depth = self.scopes.len().saturating_sub(up + 1);
        self.reads.absent(depth, path);
        Ok(())
    }

    /// Evaluates `{"val": [name, name, ...]}`, with one name for each level, so that names may hold dots. A first
    /// argument `[n]` starts `n` operators further out; then the name `index` alone gives the index of the item.
    pub(super) fn val(&mut self, arguments: &'a [Node]) -> Result<Data<'a>> {
        let mut names = Vec::new();
        for node in arguments {
            names.push(self.evaluate(node)?);
        }
        // A single list stands for all arguments.
        if let [Data::List(list)] = &names[..] {
            self.meter.steps(list.len())?;
            names = list.iter().collect();
        }
        let up = names.first().and_then(levels);
        if up.is_some() {
            names.remove(0);
        }
        let names = names.iter().map(|name| self.path(name)).collect::<Result<Vec<_>>>()?;
        self.walk(up, &names)
    }

    fn walk(&mut self, up: Option<usize>, names: &[Text<'a>]) -> Result<Data<'a>> {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let scope = self.scope(up.unwrap_or(0));
        match (up, &names[..]) {
            (_, []) => return scope.whole(),
            (Some(_), ["index"]) => return Ok(Data::Number(Number::Whole(scope.index() as i128))),
            _ => {}
        }
        let mut found = scope.member(names[0]);
        for name in &names[1..] {
            self.meter.step()?;
            found = found.and_then(|value| value.member(name));
        }
        // A single name without such a member may be a dotted path.
        if let (None, None, [path]) = (&found, up, &names[..]) {
            found = Some(self.look_up(path)?);
        }
        let found = found.unwrap_or(Data::Null);
        if found.is_null() {
            self.note_absent(up.unwrap_or(0), &names.join("."))?;
        }
        Ok(found)
    }

    /// Evaluates `missing`: returns those paths that lead to nothing, to null or to the empty text.
    pub(super) fn missing(&mut self, arguments: &'a [Node]) -> Result<Data<'a>> {
        let mut keys = Vec::new();
        for node in arguments {
            keys.push(self.evaluate(node)?);
        }
        // A list as the first argument stands for all arguments, as in the reference implementation.
        if let Some(Data::List(list)) = keys.first() {
            self.meter.steps(list.len())?;
            keys = list.iter().collect();
        }
        let missing = self.missing_of(keys)?;
        self.list(missing)
    }

    fn missing_of(&mut self, keys: Vec<Data<'a>>) -> Result<Vec<Data<'a>>> {
        let mut missing = Vec::new();
        for key in keys {
            let path = self.path(&key)?;
            self.meter.build(ENTRY + path.len())?;
            self.reads.asked(self.scopes.len() - 1, &path);
            let found = self.look_up(&path)?;
            if found.is_null() || matches!(&found, Data::Text(text) if text.is_empty()) {
                missing.push(key);
            }
        }
        Ok(missing)
    }

    /// Evaluates `missing_some`: returns nothing when at least so many of the paths are there, else those that are
    /// missing.
    pub(super) fn missing_some(&mut self, arguments: &'a [Node]) -> Result<Data<'a>> {
        let needed = self.argument(arguments, 0)?;
        let needed = to_number(&needed, &mut self.meter)?.ok_or(Failure::NotANumber(needed.kind()))?;
        let keys = match self.argument(arguments, 1)? {
            Data::List(list) => self.copied(&list)?,
            one => vec![one],
        };
        let count = keys.len();
        let missing = self.missing_of(keys)?;
        let there = Number::Whole((count - missing.len()) as i128);
        if there.compare(needed).is_ge() { self.list(Vec::new()) } else { self.list(missing) }
    }

    fn copied(&mut self, list: &List<'a>) -> Result<Vec<Data<'a>>> {
        self.meter.steps(list.len())?;
        Ok(list.iter().collect())
    }
}

/// Returns `n` of a first argument `[n]` of `val`.
fn levels(first: &Data<'_>) -> Option<usize> {
    match first {
        Data::List(list) => match list.get(0) {
            Some(Data::Number(Number::Whole(up))) => usize::try_from(up.unsigned_abs()).ok(),
            _ => None,
        },
        _ => None,
    }
}
