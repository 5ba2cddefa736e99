// keyhold replica …: the replicas of the installation.
import type { CommandGroup } from '../../table/command-spec.ts'
import { plain } from '../../table/plain-command.ts'
import { replicaListView } from '../../views/console/replica.ts'

export const replicaGroup: CommandGroup = {
  name: 'replica',
  about: 'The replicas of the installation (with an operator token).',
  commands: [
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List the replicas, with their last signs of life.',
      as: 'operator',
      route: 'listReplicas',
      view: replicaListView,
    }),
  ],
}
