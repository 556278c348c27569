import { defineConfig } from "vite";
import { svelte } from "@sveltejs/vite-plugin-svelte";

// The build is committed, so the same sources must give the same bytes: names come from content,
// nothing from time, machine or environment.
export default defineConfig({
  base: "./",
  plugins: [svelte()],
  json: { stringify: true, namedExports: false },
  preview: { proxy: { "/api": "http://127.0.0.1:18080", "/readyz": "http://127.0.0.1:18080" } },
  server: { proxy: { "/api": process.env.SWITCHMAN ?? "http://127.0.0.1:18080", "/readyz": process.env.SWITCHMAN ?? "http://127.0.0.1:18080" } },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
    // What every room needs is one file and what rooms share another: a browser asks a server for six files at
    // a time, and thirty small ones would be fetched in turns.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "core", test: /node_modules.svelte.|src.lib.(?!player)/, priority: 2 },
            { name: "parts", test: /src.parts./, minShareCount: 2, priority: 1 },
          ],
        },
      },
    },
  },
});
