/** The place of a cipherkey in the order of the primary key. */
export interface CipherkeyPosition {
  dataKeyId: string
  version: number
}
