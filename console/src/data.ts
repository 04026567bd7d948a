import { plain, releaseName } from "./format";
// Reads that several pages share.
import { useResource, type Page, type Resource } from "./api";
import type { Release } from "./model";

const changed = (words: RegExp) => (event: { kind: string; body: Record<string, unknown> }): boolean =>
  event.kind === "change" && words.test(String(event.body["what"] ?? ""));

export const releaseChanged = changed(/\/(releases|foreign-releases)/);
export const rolloutChanged = changed(/\/rollouts/);
export const deviceChanged = changed(/\/(devices|targets)/);

export interface Releases extends Resource<Page<Release>> {
  byId: (id: number | null | undefined) => Release | undefined;
  /** "app 2.0"; the number where the release is not on the first page of 500 */
  name: (id: number | null | undefined) => string;
  version: (id: number | null | undefined) => string;
}

export function useReleases(): Releases {
  const list = useResource<Page<Release>>("/api/v1/releases?limit=500", { events: releaseChanged });
  const byId = (id: number | null | undefined): Release | undefined => list.data?.content.find((release) => release.id === id);
  return {
    ...list,
    byId,
    name: (id) => {
      const release = byId(id);
      return release ? releaseName(release) : id ? `#${id}` : "";
    },
    version: (id) => plain(byId(id)?.version ?? (id ? `#${id}` : "")),
  };
}
