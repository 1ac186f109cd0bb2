// The C side of package rdkit. Atoms are atomic numbers, bonds triples
// (i, j, order), positions (n, 3) in Å. A function that fails returns NULL, or
// not 0, and sets *error to text that the caller frees, as all text is.
#ifndef SYMDIFF_RDKIT_H
#define SYMDIFF_RDKIT_H

#ifdef __cplusplus
extern "C" {
#endif

// symdiff_version is RDKit's version.
const char *symdiff_version(void);

// symdiff_smiles is the canonical SMILES of the largest fragment.
char *symdiff_smiles(int n, const unsigned char *numbers, int bonds, const int *bond, char **error);

// symdiff_canonical is the canonical SMILES of a SMILES.
char *symdiff_canonical(const char *smiles, char **error);

// symdiff_rings sets the sizes, and the atoms one ring after the other, of the
// aromatic rings, and returns their number; -1 where it fails.
int symdiff_rings(int n, const unsigned char *numbers, int bonds, const int *bond, int *sizes, int *atoms, char **error);

// symdiff_strain takes a Lewis structure, with (n) formal charges and unpaired electrons, and sets the MMFF94 energies in kcal/mol of the positions and of the
// minimum that at most `iterations` steps reach from there, which replaces the
// positions; converged tells whether they sufficed.
int symdiff_strain(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                   const int *bond, double *positions, int iterations, double *before, double *after, int *converged,
                   char **error);

// symdiff_describe does so too, and sets logP (Crippen), the topological polar surface area in Å² and
// the average mass in g/mol.
int symdiff_describe(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                     const int *bond, double *logp, double *tpsa, double *mass, char **error);

// symdiff_fingerprint does so too, and sets the 2,048 bits of the Morgan fingerprint of radius 2 of the
// molecule without its hydrogens.
int symdiff_fingerprint(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                        const int *bond, unsigned long long bits[32], char **error);

// symdiff_explicit is the canonical SMILES, hydrogens explicit, without stereo and
// isotopes, of the largest fragment of a SMILES: what symdiff_smiles has for the
// structure. With single, all bonds are made single and all charges zero first.
char *symdiff_explicit(const char *smiles, int single, char **error);

// symdiff_plain is the canonical SMILES of a SMILES without hydrogens, stereo and isotopes.
char *symdiff_plain(const char *smiles, char **error);

// symdiff_skeleton is the canonical SMILES of atoms and bonds that all count as single, whatever the
// valences, and symdiff_skeleton_of that of a SMILES.
char *symdiff_skeleton(int n, const unsigned char *numbers, int bonds, const int *bond, char **error);
char *symdiff_skeleton_of(const char *smiles, char **error);

// symdiff_sdf is the same of a MOL file as RDKit reads it; an error where RDKit adds hydrogens.
char *symdiff_sdf(const char *text, char **error);

// symdiff_lewis is the same of a Lewis structure, (n) formal charges and unpaired electrons; it
// sets which bonds are aromatic.
char *symdiff_lewis(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                    const int *bond, int *aromatic, char **error);

// symdiff_atoms is the atomic numbers of a SMILES with its hydrogens, which the
// caller frees, their number and the formal charge.
unsigned char *symdiff_atoms(const char *smiles, int *atoms, int *charge, char **error);

typedef struct {
  int atoms, conformers, charge, radicals, bonds;
  unsigned char *numbers; // (atoms)
  int *charges, *unpaired; // (atoms) formal charges and unpaired electrons; of symdiff_graph only
  int *bond;              // (bonds, 3): two atoms and the order, 4 for an aromatic bond of symdiff_embed
  double *positions;      // (conformers, atoms, 3)
  double *energies;       // (conformers) kcal/mol
} symdiff_conformers;

// symdiff_embed makes conformers of a SMILES with explicit hydrogens by ETKDGv3
// and relaxes them with MMFF94s, the lowest first. It ends with an error soon after
// *stop is not 0, and returns 2 soon after `limit` seconds of processor time.
int symdiff_embed(const char *smiles, int tries, int seed, int iterations, double limit, const int *stop,
                  symdiff_conformers *out, char **error);

// symdiff_graph sets the graph of a SMILES with explicit hydrogens, as a Kekulé structure.
int symdiff_graph(const char *smiles, symdiff_conformers *out, char **error);

void symdiff_free_conformers(symdiff_conformers *c);

#ifdef __cplusplus
}
#endif

#endif
