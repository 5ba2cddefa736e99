// Goes on with a value that may be there already. A promise for each step would cost more than the steps.

/** Calls `next` with the value: at once, unless it is a promise. */
export function andThen<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
