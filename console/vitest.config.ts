import { defineConfig } from "vitest/config";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  test: { environment: "jsdom", include: ["test/unit/**/*.test.{ts,tsx}"], testTimeout: 60_000 },
});
