/** Something else came out than went in: the end of a run, whatever else it would show. */
export class WrongValue extends Error {
  override readonly name = 'WrongValue'
}
