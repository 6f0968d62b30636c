import { readFileSync } from 'node:fs';

export interface CaseResult {
  /** The containers' texts and the case's own, joined by spaces, as critest prints them. */
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped; empty when it passed. */
  readonly reason: string;
  readonly seconds: number;
}

interface SpecReport {
  readonly ContainerHierarchyTexts?: readonly string[] | null;
  readonly LeafNodeText: string;
  readonly LeafNodeType: string;
  readonly State: string;
  readonly RunTime: number;
  readonly Failure?: { readonly Message?: string };
}

/** Reads ginkgo's JSON report. Cases that the command line left out (they have no reason) are not in the answer. */
export function readReport(file: string): CaseResult[] {
  const reports = JSON.parse(readFileSync(file, 'utf8')) as { SpecReports: SpecReport[] | null }[];
  return reports.flatMap((report) => (report.SpecReports ?? []).flatMap(resultOf));
}

function resultOf(spec: SpecReport): CaseResult[] {
  const name = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' ').trim();
  const result = { name: name || spec.LeafNodeType, reason: spec.Failure?.Message ?? '', seconds: spec.RunTime / 1e9 };
  const isCase = spec.LeafNodeType === 'It';
  if (spec.State === 'passed') return isCase ? [{ ...result, state: 'passed' }] : [];
  if (spec.State === 'skipped' || spec.State === 'pending')
    return result.reason ? [{ ...result, state: 'skipped' }] : [];
  return [{ ...result, state: 'failed' }]; // a setup node of the suite may fail too
}
