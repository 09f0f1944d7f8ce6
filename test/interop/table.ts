import type { Part } from './contract.ts'
import type { Feature } from './features.ts'

export type Outcome = 'ok' | 'FAIL' | 'n/a' | 'absent'

/** One cell: what came of one feature, with one peer, in one part of ours. */
export interface Cell {
  peer: string
  /** Our part. */
  role: Part
  feature: Feature
  outcome: Outcome
  reason?: string
  milliseconds: number
}

export interface Row {
  peer: string
  role: Part
  cells: Cell[]
}

/** Peers down, features across: a block of columns per section, as many blocks side by side as fit `width` columns. */
export const table = (rows: Row[], features: Feature[], width: number): string => {
  const labels = ['', ...rows.map(({ peer, role }) => `${peer} / we ${role === 'client' ? 'connect' : 'serve'}`)]
  const labelWidth = Math.max(...labels.map((l) => l.length))
  const blocks = [...new Set(features.map((f) => f.section))].map((section) => block(section, rows, features))
  const bands: string[][][] = []
  let room = 0
  for (const lines of blocks) {
    const needs = lines[0]!.length + 3
    if (needs > room) {
      bands.push([])
      room = width - labelWidth
    }
    room -= needs
    bands.at(-1)!.push(lines)
  }
  return bands
    .map((band) =>
      ['', ...labels]
        .map((label, i) => [label.padEnd(labelWidth), ...band.map((b) => b[i]!)].join(' | ').trimEnd())
        .join('\n'),
    )
    .join('\n\n')
}

/** The lines of one section, all of one length: title, headings, then one line per row. */
const block = (section: string, rows: Row[], features: Feature[]): string[] => {
  const columns = features
    .filter((f) => f.section === section)
    .map((f) => {
      const texts = [f.name, ...rows.map((row) => text(row.cells.find((c) => c.feature === f)!))]
      const width = Math.max(...texts.map((t) => t.length))
      return texts.map((t) => t.padEnd(width))
    })
  const lines = columns[0]!.map((_, i) => columns.map((c) => c[i]!).join('  '))
  const width = Math.max(section.length, lines[0]!.length)
  return [section, ...lines].map((line) => line.padEnd(width))
}

const text = ({ outcome, reason }: Cell): string => (outcome === 'n/a' ? `n/a ${reason}` : outcome)
