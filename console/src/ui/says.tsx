// The page speaks first: one sentence, made by the server, the same in API, command and here.
import type { ComponentChildren, JSX } from "preact";
import { useResource, type Resource } from "../api";
import type { LiveEvent } from "../live";
import { Say, T } from "./base";

export interface Says {
  bold: string;
  rest: string | null;
  lede: string | null;
}

export function useSays(page: string, events: (event: LiveEvent) => boolean, keep = false): Resource<Says> {
  return useResource<Says>(`/api/v1/says/${page}`, { events, every: 60_000, keep });
}

export function SaysHead({ says, fallback, acts, above }: { says: Resource<Says>; fallback: string; acts?: ComponentChildren; above?: ComponentChildren }): JSX.Element {
  const words = says.data;
  return (
    <Say title={<T v={words?.bold ?? fallback} />} rest={words?.rest ? <T v={words.rest} /> : undefined} lede={words?.lede ? <T v={words.lede} /> : undefined} acts={acts} above={above} />
  );
}
