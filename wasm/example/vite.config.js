export default {
  base: "./",
  optimizeDeps: { exclude: ["symdiff"] }, // its worker lies beside it
};
