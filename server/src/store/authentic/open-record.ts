// Records that Keyhold signed are kept in the database, and whoever writes to it can put in the record of another thing, or
// one of his own. So each one is opened before it is shown.

type Payload = Readonly<Record<string, unknown>>

/**
 * Answers the payload of a stored compact JWS. It may ask the database, so call it outside of any snapshot and transaction.
 *
 * @param isAbout - whether the payload is about the thing that is asked for
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when Keyhold has not signed it, or it is about another thing; `ERR_SEALED`
 */
export type OpenRecord = (
  jws: string,
  isAbout: (payload: Payload) => boolean,
) => Promise<Record<string, unknown>>
