export function types(document: unknown): string;
