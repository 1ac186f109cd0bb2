export default {
  base: "./",
  optimizeDeps: { exclude: ["symdiff-mol"] }, // its worker lies beside it
  build: { rollupOptions: { input: ["index.html", "viewer.html"] } },
};
