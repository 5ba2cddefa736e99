// The profile `restricted` of the Pod Security Standards, and what Keyhold adds to it.
import type { PodSpec } from './rendered-chart.ts'

interface Context {
  runAsNonRoot?: boolean
  runAsUser?: number
  allowPrivilegeEscalation?: boolean
  privileged?: boolean
  readOnlyRootFilesystem?: boolean
  capabilities?: { drop?: string[]; add?: string[] }
  seccompProfile?: { type: string }
  procMount?: string
}

const allowedVolumes = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected'],
  'secret',
]

/** One line for each breach. */
export function unrestricted(pod: PodSpec): string[] {
  const of = pod.securityContext as (Context & { sysctls?: unknown[] }) | undefined
  const problems = [
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => pod[name] === true),
    ...(of?.sysctls === undefined ? [] : ['sysctls']),
    ...pod.volumes.flatMap(({ name, ...source }) =>
      Object.keys(source).every((type) => allowedVolumes.includes(type)) ? [] : [`volume ${String(name)}`],
    ),
    ...(pod.enableServiceLinks === false ? [] : ['enableServiceLinks']),
    ...(pod.automountServiceAccountToken === false ? [] : ['automountServiceAccountToken']),
  ]
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    const own = container.securityContext as Context | undefined
    const has = (name: string, isRight: boolean) => {
      if (!isRight) problems.push(`${container.name}: ${name}`)
    }
    has('runAsNonRoot', (own?.runAsNonRoot ?? of?.runAsNonRoot) === true)
    has('runAsUser', (own?.runAsUser ?? of?.runAsUser ?? 0) > 0)
    has('privileged', own?.privileged !== true)
    has('allowPrivilegeEscalation', own?.allowPrivilegeEscalation === false)
    has('capabilities.drop', own?.capabilities?.drop?.includes('ALL') === true)
    has('capabilities.add', (own?.capabilities?.add ?? []).length === 0)
    const seccomp = (own?.seccompProfile ?? of?.seccompProfile)?.type
    has('seccompProfile', seccomp === 'RuntimeDefault' || seccomp === 'Localhost')
    has('procMount', own?.procMount === undefined)
    has('readOnlyRootFilesystem', own?.readOnlyRootFilesystem === true)
    const ports = (container.ports ?? []) as { hostPort?: number }[]
    has(
      'hostPort',
      ports.every(({ hostPort }) => hostPort === undefined),
    )
  }
  return problems
}
