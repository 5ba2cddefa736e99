// Keys that were deleted. They come last: the clock of AWS is put forward for them, by which sessions of roles end.
import { ofOurs, own, type OwnCause } from './cause-scene.ts'
import { deleteAndWait } from './produce.ts'

export const causesOfDeletions: OwnCause[] = [
  {
    cause: 'The key was scheduled for deletion, and the waiting period has passed',
    how: '`ScheduleKeyDeletion`, and a clock that is put forward',
    notFor: 'A change of policy alone: AWS tells another account the same of both.',
    state: 'denied',
    answer: '424 ERR_KMS_DENIED',
    produce: (scene, { arn }) => deleteAndWait(scene, scene.server.customerKms(), arn),
  },
  {
    cause: 'The same, where Keyhold calls from the key’s own account, as through a role',
    how: 'the same, of a key in Keyhold’s account',
    notFor: 'A key that is denied: AWS tells the own account that there is none.',
    makeKey: ofOurs(false),
    state: 'notFound',
    answer: '424 ERR_KMS_KEY_NOT_FOUND',
    produce: (scene, { arn }) => deleteAndWait(scene, scene.ourKms(own), arn),
  },
]
