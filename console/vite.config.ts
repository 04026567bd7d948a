import { defineConfig } from "vite";

// The built files are committed and compared byte for byte: nothing in them may depend on the machine.
export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2020",
    outDir: "dist",
    assetsInlineLimit: 0, // data: URLs are not in the Content-Security-Policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
});
