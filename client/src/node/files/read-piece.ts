// Checks and copies a piece that is written to a stream.
import { copyBytes, isBytes } from '../../checks/copy-bytes.ts'
import { wrongMember } from '../../checks/wrong-member.ts'

/**
 * Copies the piece: while a key is fetched, its writer may fill the same buffer again or give it away.
 *
 * @throws KeyholdClientError `ERR_CLIENT_PIECE_INVALID`
 */
export function readPiece(piece: unknown): Uint8Array {
  const bytes = isBytes(piece) ? copyBytes(piece) : undefined
  if (bytes !== undefined) return bytes
  throw wrongMember('ERR_CLIENT_PIECE_INVALID', 'piece', 'a Uint8Array whose buffer is still there')
}
