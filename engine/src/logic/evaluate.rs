//! Evaluates an expression. Every node costs steps, every value that is built costs memory, and the nesting of lists
//! is bounded. So an evaluation ends soon and needs little stack, whatever the expression and the context are.

use super::Failure;
use super::arithmetic;
use super::bounds::MAX_VALUE_DEPTH;
use super::convert::{loosely_equal, strictly_equal};
use super::data::{Data, List};
use super::meter::Meter;
use super::program::{Node, Operator};
use super::reads::Reads;
use super::text;

type Result<T> = std::result::Result<T, Failure>;

/// What `var` reads from at some place of an expression.
#[derive(Debug, Clone)]
pub(super) enum Scope<'a> {
    /// The context, or the present item of an operator over a list.
    Value { value: Data<'a>, index: usize },
    /// What `reduce` offers to its second argument.
    Fold { current: Data<'a>, accumulator: Data<'a>, index: usize },
}

pub(super) struct Evaluation<'a, 'm> {
    pub(super) meter: Meter<'m>,
    /// The context first, the innermost item last.
    pub(super) scopes: Vec<Scope<'a>>,
    pub(super) reads: Reads,
}

impl<'a, 'm> Evaluation<'a, 'm> {
    pub(super) fn new(context: Data<'a>, meter: Meter<'m>) -> Self {
        let scopes = vec![Scope::Value { value: context, index: 0 }];
        Self { meter, scopes, reads: Reads::default() }
    }

    pub(super) fn evaluate(&mut self, node: &'a Node) -> Result<Data<'a>> {
        self.meter.step()?;
        match node {
            Node::Literal(value) => Ok(Data::of(value)),
            Node::List(items) => {
                let items = self.evaluate_all(items)?;
                self.list(items)
            }
            Node::Operation(operator, arguments) => self.operation(*operator, arguments),
        }
    }

    fn evaluate_all(&mut self, nodes: &'a [Node]) -> Result<Vec<Data<'a>>> {
        nodes.iter().map(|node| self.evaluate(node)).collect()
    }

    /// Evaluates an argument; null when it is absent.
    pub(super) fn argument(&mut self, arguments: &'a [Node], index: usize) -> Result<Data<'a>> {
        arguments.get(index).map_or(Ok(Data::Null), |node| self.evaluate(node))
    }

    /// Builds a list of these items.
    pub(super) fn list(&mut self, items: Vec<Data<'a>>) -> Result<Data<'a>> {
        let depth = 1 + items.iter().map(Data::depth).max().unwrap_or(0);
        if depth > MAX_VALUE_DEPTH {
            return Err(Failure::Depth);
        }
        self.meter.steps(items.len())?;
        self.meter.build(items.len() * size_of::<Data<'_>>())?;
        Ok(Data::List(List::Built { items: items.into(), depth }))
    }

    fn operation(&mut self, operator: Operator, arguments: &'a [Node]) -> Result<Data<'a>> {
        match operator {
            Operator::Var => self.var(arguments),
            Operator::Val => self.val(arguments),
            Operator::Missing => self.missing(arguments),
            Operator::MissingSome => self.missing_some(arguments),
            Operator::If | Operator::Ternary => self.choose(arguments),
            Operator::And => self.first(arguments, false),
            Operator::Or => self.first(arguments, true),
            Operator::Map | Operator::Filter => self.collect(operator, arguments),
            Operator::All | Operator::None | Operator::Some => self.quantify(operator, arguments),
            Operator::Reduce => self.reduce(arguments),
            _ => {
                let values = self.evaluate_all(arguments)?;
                self.meter.steps(values.len())?;
                self.compute(operator, &values)
            }
        }
    }

    fn compute(&mut self, operator: Operator, values: &[Data<'a>]) -> Result<Data<'a>> {
        let argument = |index: usize| values.get(index).cloned().unwrap_or(Data::Null);
        let meter = &mut self.meter;
        let truth = match operator {
            Operator::Not => !argument(0).is_truthy(),
            Operator::Truth => argument(0).is_truthy(),
            Operator::Equal => loosely_equal(&argument(0), &argument(1), meter)?,
            Operator::Unequal => !loosely_equal(&argument(0), &argument(1), meter)?,
            Operator::StrictlyEqual => strictly_equal(&argument(0), &argument(1), meter)?,
            Operator::StrictlyUnequal => !strictly_equal(&argument(0), &argument(1), meter)?,
            Operator::Less | Operator::LessOrEqual | Operator::More | Operator::MoreOrEqual => {
                arithmetic::is_ordered(operator, values, meter)?
            }
            Operator::In => text::is_in(&argument(0), &argument(1), meter)?,
            Operator::Cat => return text::cat(values, meter),
            Operator::Substr => return text::substr(&argument(0), &argument(1), values.get(2), meter),
            Operator::Merge => return self.merge(values),
            _ => return arithmetic::compute(operator, values, meter).map(Data::Number),
        };
        Ok(Data::Bool(truth))
    }

    /// `if`: pairs of a condition and its result, and a last result for when no condition holds.
    fn choose(&mut self, arguments: &'a [Node]) -> Result<Data<'a>> {
        for pair in arguments.chunks(2) {
            let value = self.argument(pair, 0)?;
            match pair.get(1) {
                None => return Ok(value),
                Some(then) if value.is_truthy() => return self.evaluate(then),
                Some(_) => {}
            }
        }
        Ok(Data::Null)
    }

    /// Returns the first argument whose truth is `truth`, else the last one. Arguments after it are not evaluated.
    fn first(&mut self, arguments: &'a [Node], truth: bool) -> Result<Data<'a>> {
        let mut last = Data::Null;
        for node in arguments {
            last = self.evaluate(node)?;
            if last.is_truthy() == truth {
                break;
            }
        }
        Ok(last)
    }

    fn merge(&mut self, values: &[Data<'a>]) -> Result<Data<'a>> {
        let mut merged = Vec::new();
        for value in values {
            match value {
                Data::List(list) => {
                    self.meter.steps(list.len())?;
                    self.meter.build(list.len() * size_of::<Data<'_>>())?;
                    merged.extend(list.iter());
                }
                other => merged.push(other.clone()),
            }
        }
        self.list(merged)
    }

    /// Returns the list that the first argument gives; `None` when it gives anything else.
    fn items(&mut self, arguments: &'a [Node]) -> Result<Option<List<'a>>> {
        match self.argument(arguments, 0)? {
            Data::List(list) => Ok(Some(list)),
            _ => Ok(None),
        }
    }

    /// Evaluates the second argument in an inner scope.
    fn within(&mut self, scope: Scope<'a>, arguments: &'a [Node]) -> Result<Data<'a>> {
        self.meter.step()?;
        self.scopes.push(scope);
        let value = self.argument(arguments, 1);
        self.scopes.pop();
        value
    }

    fn collect(&mut self, operator: Operator, arguments: &'a [Node]) -> Result<Data<'a>> {
        let mut collected = Vec::new();
        if let Some(list) = self.items(arguments)? {
            for (index, item) in list.iter().enumerate() {
                let value = self.within(Scope::Value { value: item.clone(), index }, arguments)?;
                if operator == Operator::Map {
                    collected.push(value);
                } else if value.is_truthy() {
                    collected.push(item);
                }
            }
        }
        self.list(collected)
    }

    /// Evaluates `all`, `some` and `none`. Over an empty list `none` holds, `all` and `some` do not.
    fn quantify(&mut self, operator: Operator, arguments: &'a [Node]) -> Result<Data<'a>> {
        let list = self.items(arguments)?;
        let mut any = false;
        for (index, item) in list.iter().flat_map(List::iter).enumerate() {
            any = true;
            let holds = self.within(Scope::Value { value: item, index }, arguments)?.is_truthy();
            // The first item that settles the answer is the last one evaluated.
            if holds != (operator == Operator::All) {
                return Ok(Data::Bool(operator == Operator::Some));
            }
        }
        Ok(Data::Bool(match operator {
            Operator::All => any,
            Operator::Some => false,
            _ => true,
        }))
    }

    fn reduce(&mut self, arguments: &'a [Node]) -> Result<Data<'a>> {
        let list = self.items(arguments)?;
        let mut accumulator = self.argument(arguments, 2)?;
        for (index, current) in list.iter().flat_map(List::iter).enumerate() {
            accumulator = self.within(Scope::Fold { current, accumulator, index }, arguments)?;
        }
        Ok(accumulator)
    }
}
