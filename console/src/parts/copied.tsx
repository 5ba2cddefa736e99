// Texts that people carry to other programs: an id on a line, or a whole text.
import { useState } from 'react'
import { words } from '../words/words.ts'
import { Button } from './button.tsx'

const shownMs = 2_000

function CopyButton({ text, of }: { text: string; of: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused'>()
  // Only secure contexts have a clipboard.
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setOutcome('copied')
      setTimeout(() => {
        setOutcome(undefined)
      }, shownMs)
    } catch {
      setOutcome('refused')
    }
  }
  return (
    <span className="row">
      <Button isSmall onClick={() => void copy()}>
        {outcome === 'copied' ? words.copied : words.copy}
        <span className="only-read"> {of}</span>
      </Button>
      <span role="status" className="small quiet">
        {outcome === 'refused' ? words.noCopy : ''}
      </span>
    </span>
  )
}

export function CopiedText({ text, of }: { text: string; of: string }) {
  return (
    <span className="copied">
      <code translate="no">{text}</code>
      <CopyButton text={text} of={of} />
    </span>
  )
}

export function CodeBlock({ text, title }: { text: string; title: string }) {
  return (
    <figure className="code">
      <figcaption className="row apart">
        <span className="small quiet">{title}</span>
        <CopyButton text={text} of={title} />
      </figcaption>
      <pre translate="no" tabIndex={0}>
        {text}
      </pre>
    </figure>
  )
}
