//go:build rdkit && cgo

#include "shim.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <DataStructs/ExplicitBitVect.h>
#include <ForceField/ForceField.h>
#include <GraphMol/Descriptors/MolDescriptors.h>
#include <GraphMol/DistGeomHelpers/Embedder.h>
#include <GraphMol/FileParsers/FileParsers.h>
#include <GraphMol/Fingerprints/MorganFingerprints.h>
#include <GraphMol/ForceFieldHelpers/MMFF/MMFF.h>
#include <GraphMol/GraphMol.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>
#include <RDGeneral/RDLog.h>
#include <RDGeneral/versions.h>

namespace {

// Silence keeps RDKit's warnings from standard error: what fails is returned.
struct Silence {
  Silence() { boost::logging::disable_logs("rdApp.*"); }
} silence;

char *copy(const std::string &text) { return strdup(text.c_str()); }

// guard runs f and turns an exception into an error text and `failed`.
template <typename T, typename F> T guard(char **error, T failed, F f) {
  try {
    return f();
  } catch (const std::exception &e) {
    *error = copy(e.what());
  } catch (...) {
    *error = copy("unknown exception");
  }
  return failed;
}

// build makes the molecule of a graph and sanitises it.
std::unique_ptr<RDKit::RWMol> build(int n, const unsigned char *numbers, int bonds, const int *bond) {
  std::unique_ptr<RDKit::RWMol> mol(new RDKit::RWMol);
  for (int i = 0; i < n; i++) mol->addAtom(new RDKit::Atom(numbers[i]), false, true);
  for (int b = 0; b < bonds; b++, bond += 3) {
    static const RDKit::Bond::BondType types[] = {RDKit::Bond::SINGLE, RDKit::Bond::DOUBLE, RDKit::Bond::TRIPLE};
    mol->addBond(static_cast<unsigned>(bond[0]), static_cast<unsigned>(bond[1]), types[bond[2] - 1]);
  }
  RDKit::MolOps::sanitizeMol(*mol);
  return mol;
}

// lewis makes the molecule of a Lewis structure, which has all its hydrogens, and sanitises it.
std::unique_ptr<RDKit::RWMol> lewis(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                                    const int *bond) {
  std::unique_ptr<RDKit::RWMol> mol(new RDKit::RWMol);
  for (int i = 0; i < n; i++) {
    auto *atom = new RDKit::Atom(numbers[i]);
    atom->setFormalCharge(charges[i]);
    atom->setNumRadicalElectrons(static_cast<unsigned>(radicals[i]));
    atom->setNoImplicit(true);
    mol->addAtom(atom, false, true);
  }
  static const RDKit::Bond::BondType types[] = {RDKit::Bond::SINGLE, RDKit::Bond::DOUBLE, RDKit::Bond::TRIPLE};
  for (int b = 0; b < bonds; b++)
    mol->addBond(static_cast<unsigned>(bond[3 * b]), static_cast<unsigned>(bond[3 * b + 1]), types[bond[3 * b + 2] - 1]);
  RDKit::MolOps::sanitizeMol(*mol);
  return mol;
}

// largest is the largest fragment, the first of several.
boost::shared_ptr<RDKit::ROMol> largest(const RDKit::ROMol &mol) {
  auto parts = RDKit::MolOps::getMolFrags(mol);
  if (parts.empty()) return boost::shared_ptr<RDKit::ROMol>(new RDKit::ROMol(mol));
  return *std::max_element(parts.begin(), parts.end(),
      [](const boost::shared_ptr<RDKit::ROMol> &a, const boost::shared_ptr<RDKit::ROMol> &b) { return a->getNumAtoms() < b->getNumAtoms(); });
}

// field makes the force field MMFF94, or MMFF94s, of a conformer; null where a parameter is missing.
std::unique_ptr<ForceFields::ForceField> field(RDKit::ROMol &mol, int conformer, const char *variant) {
  RDKit::MMFF::MMFFMolProperties properties(mol, variant);
  if (!properties.isValid()) return nullptr;
  std::unique_ptr<ForceFields::ForceField> f(RDKit::MMFF::constructForceField(mol, &properties, 100.0, conformer));
  f->initialize();
  return f;
}

} // namespace

const char *symdiff_version(void) { return RDKit::rdkitVersion; }

char *symdiff_smiles(int n, const unsigned char *numbers, int bonds, const int *bond, char **error) {
  return guard<char *>(error, nullptr, [&] {
    auto mol = build(n, numbers, bonds, bond);
    return copy(RDKit::MolToSmiles(*largest(*mol)));
  });
}

char *symdiff_canonical(const char *smiles, char **error) {
  return guard<char *>(error, nullptr, [&]() -> char * {
    std::unique_ptr<RDKit::ROMol> mol(RDKit::SmilesToMol(smiles));
    if (!mol) throw std::invalid_argument("not a SMILES");
    return copy(RDKit::MolToSmiles(*mol));
  });
}

int symdiff_rings(int n, const unsigned char *numbers, int bonds, const int *bond, int *sizes, int *atoms, char **error) {
  return guard<int>(error, -1, [&] {
    auto mol = build(n, numbers, bonds, bond);
    const auto *info = mol->getRingInfo();
    int count = 0;
    for (unsigned r = 0; r < info->numRings(); r++) {
      const auto &ring = info->bondRings()[r];
      if (!std::all_of(ring.begin(), ring.end(), [&](int b) { return mol->getBondWithIdx(b)->getIsAromatic(); })) continue;
      sizes[count++] = static_cast<int>(ring.size());
      atoms = std::copy(info->atomRings()[r].begin(), info->atomRings()[r].end(), atoms);
    }
    return count;
  });
}

int symdiff_strain(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                   const int *bond, double *positions, int iterations, double *before, double *after, int *converged,
                   char **error) {
  return guard<int>(error, 1, [&] {
    for (int i = 0; i < n; i++)
      if (radicals[i] > 0) throw std::invalid_argument("unpaired electrons: hydrogens are missing");
    auto mol = lewis(n, numbers, charges, radicals, bonds, bond);
    auto *conformer = new RDKit::Conformer(static_cast<unsigned>(n));
    for (int i = 0; i < n; i++)
      conformer->setAtomPos(static_cast<unsigned>(i), RDGeom::Point3D(positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]));
    mol->addConformer(conformer, true);
    auto f = field(*mol, -1, "MMFF94");
    if (!f) throw std::invalid_argument("MMFF94 has no parameters for it");
    *before = f->calcEnergy();
    *converged = f->minimize(static_cast<unsigned>(iterations)) == 0;
    *after = f->calcEnergy();
    for (int i = 0; i < n; i++) {
      const auto &p = mol->getConformer().getAtomPos(static_cast<unsigned>(i));
      positions[3 * i] = p.x, positions[3 * i + 1] = p.y, positions[3 * i + 2] = p.z;
    }
    return 0;
  });
}

int symdiff_describe(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                     const int *bond, double *logp, double *tpsa, double *mass, char **error) {
  return guard<int>(error, 1, [&] {
    auto mol = lewis(n, numbers, charges, radicals, bonds, bond);
    *logp = RDKit::Descriptors::calcClogP(*mol);
    *tpsa = RDKit::Descriptors::calcTPSA(*mol);
    *mass = RDKit::Descriptors::calcAMW(*mol);
    return 0;
  });
}

int symdiff_fingerprint(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                        const int *bond, unsigned long long bits[32], char **error) {
  return guard<int>(error, 1, [&] {
    auto mol = lewis(n, numbers, charges, radicals, bonds, bond);
    RDKit::MolOps::removeHs(*mol);
    std::unique_ptr<ExplicitBitVect> print(RDKit::MorganFingerprints::getFingerprintAsBitVect(*mol, 2, 2048));
    for (unsigned i = 0; i < 2048; i++)
      if (print->getBit(i)) bits[i / 64] |= 1ULL << (i % 64);
    return 0;
  });
}

namespace {

// Single is a molecule as the functions below take one, with a single bond wherever atoms are bonded.
struct Single {
  std::vector<unsigned char> numbers;
  std::vector<int> bond;

  explicit Single(const RDKit::ROMol &mol) {
    for (const auto atom : mol.atoms()) numbers.push_back(static_cast<unsigned char>(atom->getAtomicNum()));
    for (const auto b : mol.bonds()) {
      bond.push_back(static_cast<int>(b->getBeginAtomIdx()));
      bond.push_back(static_cast<int>(b->getEndAtomIdx()));
      bond.push_back(1);
    }
  }

  int atoms() const { return static_cast<int>(numbers.size()); }
  int bonds() const { return static_cast<int>(bond.size() / 3); }
};

} // namespace

char *symdiff_explicit(const char *smiles, int single, char **error) {
  return guard<char *>(error, nullptr, [&]() -> char * {
    std::unique_ptr<RDKit::ROMol> parsed(RDKit::SmilesToMol(smiles));
    if (!parsed) throw std::invalid_argument("not a SMILES");
    std::unique_ptr<RDKit::ROMol> mol(RDKit::MolOps::addHs(*parsed));
    if (single) {
      const Single graph(*mol);
      mol = build(graph.atoms(), graph.numbers.data(), graph.bonds(), graph.bond.data());
    }
    return copy(RDKit::MolToSmiles(*largest(*mol), false));
  });
}

namespace {

// plain is the canonical SMILES of a molecule without hydrogens, stereo and isotopes, of one that
// was read once, so that it does not depend on where the molecule came from.
char *plain(const RDKit::ROMol &mol) {
  std::unique_ptr<RDKit::ROMol> heavy(RDKit::MolOps::removeHs(mol, false, false, false));
  for (auto atom : heavy->atoms()) atom->setIsotope(0);
  std::unique_ptr<RDKit::ROMol> again(RDKit::SmilesToMol(RDKit::MolToSmiles(*heavy, false)));
  if (!again) throw std::invalid_argument("its SMILES cannot be read");
  return copy(RDKit::MolToSmiles(*again, false));
}

// skeleton is the canonical SMILES of atoms that single bonds join, whatever their valences.
char *skeleton(int n, const unsigned char *numbers, int bonds, const int *bond) {
  RDKit::RWMol mol;
  for (int i = 0; i < n; i++) {
    auto *atom = new RDKit::Atom(numbers[i]);
    atom->setNoImplicit(true);
    mol.addAtom(atom, false, true);
  }
  for (int b = 0; b < bonds; b++)
    mol.addBond(static_cast<unsigned>(bond[3 * b]), static_cast<unsigned>(bond[3 * b + 1]), RDKit::Bond::SINGLE);
  mol.updatePropertyCache(false);
  return copy(RDKit::MolToSmiles(mol, false));
}

} // namespace

char *symdiff_plain(const char *smiles, char **error) {
  return guard<char *>(error, nullptr, [&]() -> char * {
    std::unique_ptr<RDKit::ROMol> mol(RDKit::SmilesToMol(smiles));
    if (!mol) throw std::invalid_argument("not a SMILES");
    for (auto atom : mol->atoms()) atom->setIsotope(0);
    return plain(*mol);
  });
}

char *symdiff_skeleton(int n, const unsigned char *numbers, int bonds, const int *bond, char **error) {
  return guard<char *>(error, nullptr, [&] { return skeleton(n, numbers, bonds, bond); });
}

char *symdiff_skeleton_of(const char *smiles, char **error) {
  return guard<char *>(error, nullptr, [&]() -> char * {
    std::unique_ptr<RDKit::ROMol> parsed(RDKit::SmilesToMol(smiles));
    if (!parsed) throw std::invalid_argument("not a SMILES");
    std::unique_ptr<RDKit::ROMol> mol(RDKit::MolOps::addHs(*parsed));
    const Single graph(*mol);
    return skeleton(graph.atoms(), graph.numbers.data(), graph.bonds(), graph.bond.data());
  });
}

char *symdiff_sdf(const char *text, char **error) {
  return guard<char *>(error, nullptr, [&]() -> char * {
    std::unique_ptr<RDKit::RWMol> mol(RDKit::MolBlockToMol(text, true, false, true));
    if (!mol) throw std::invalid_argument("not a MOL file");
    for (auto atom : mol->atoms()) {
      if (atom->getTotalNumHs() > 0) throw std::invalid_argument("hydrogens are added to atom " + std::to_string(atom->getIdx() + 1));
      atom->setNoImplicit(true);
    }
    return plain(*mol);
  });
}

char *symdiff_lewis(int n, const unsigned char *numbers, const int *charges, const int *radicals, int bonds,
                    const int *bond, int *aromatic, char **error) {
  return guard<char *>(error, nullptr, [&] {
    auto mol = lewis(n, numbers, charges, radicals, bonds, bond);
    for (int b = 0; b < bonds; b++) aromatic[b] = mol->getBondWithIdx(static_cast<unsigned>(b))->getIsAromatic();
    return plain(*mol);
  });
}

namespace {

// stopping is the flag that ends the embedding of this thread, ending the processor time at which it ends.
thread_local const int *stopping = nullptr;
thread_local double ending = 0;

// spent is the processor time of this thread in seconds.
double spent() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct late : std::runtime_error {
  late() : std::runtime_error("no conformer in time") {}
};

void check(unsigned int = 0) {
  if (stopping && __atomic_load_n(stopping, __ATOMIC_RELAXED)) throw std::runtime_error("stopped");
  if (ending > 0 && spent() > ending) throw late();
}

// minimise takes at most `iterations` steps, and looks at the flag now and then.
void minimise(ForceFields::ForceField &f, int iterations) {
  for (; iterations > 0; iterations -= 500) {
    check();
    if (f.minimize(static_cast<unsigned>(std::min(iterations, 500))) == 0) return;
  }
}

} // namespace

unsigned char *symdiff_atoms(const char *smiles, int *atoms, int *charge, char **error) {
  return guard<unsigned char *>(error, nullptr, [&]() -> unsigned char * {
    std::unique_ptr<RDKit::ROMol> parsed(RDKit::SmilesToMol(smiles));
    if (!parsed) throw std::invalid_argument("not a SMILES");
    std::unique_ptr<RDKit::ROMol> mol(RDKit::MolOps::addHs(*parsed));
    *atoms = static_cast<int>(mol->getNumAtoms());
    *charge = RDKit::MolOps::getFormalCharge(*mol);
    auto *numbers = static_cast<unsigned char *>(malloc(static_cast<size_t>(*atoms) + 1));
    for (const auto atom : mol->atoms()) numbers[atom->getIdx()] = static_cast<unsigned char>(atom->getAtomicNum());
    return numbers;
  });
}

int symdiff_graph(const char *smiles, symdiff_conformers *out, char **error) {
  return guard<int>(error, 1, [&] {
    std::unique_ptr<RDKit::ROMol> parsed(RDKit::SmilesToMol(smiles));
    if (!parsed) throw std::invalid_argument("not a SMILES");
    std::unique_ptr<RDKit::RWMol> mol(new RDKit::RWMol(*parsed));
    RDKit::MolOps::addHs(*mol);
    RDKit::MolOps::Kekulize(*mol);
    out->atoms = static_cast<int>(mol->getNumAtoms());
    out->bonds = static_cast<int>(mol->getNumBonds());
    out->numbers = static_cast<unsigned char *>(malloc(static_cast<size_t>(out->atoms + 1)));
    out->charges = static_cast<int *>(malloc(sizeof(int) * static_cast<size_t>(out->atoms + 1)));
    out->unpaired = static_cast<int *>(malloc(sizeof(int) * static_cast<size_t>(out->atoms + 1)));
    out->bond = static_cast<int *>(malloc(sizeof(int) * 3 * static_cast<size_t>(out->bonds + 1)));
    for (const auto atom : mol->atoms()) {
      out->numbers[atom->getIdx()] = static_cast<unsigned char>(atom->getAtomicNum());
      out->charges[atom->getIdx()] = atom->getFormalCharge();
      out->unpaired[atom->getIdx()] = static_cast<int>(atom->getNumRadicalElectrons());
    }
    int *b = out->bond;
    for (const auto bond : mol->bonds()) {
      *b++ = static_cast<int>(bond->getBeginAtomIdx());
      *b++ = static_cast<int>(bond->getEndAtomIdx());
      *b++ = static_cast<int>(bond->getBondTypeAsDouble());
    }
    return 0;
  });
}

namespace {

// embed is symdiff_embed without its limits.
int embed(const char *smiles, int tries, int seed, int iterations, symdiff_conformers *out) {
  std::unique_ptr<RDKit::ROMol> parsed(RDKit::SmilesToMol(smiles));
  if (!parsed) throw std::invalid_argument("not a SMILES");
  if (parsed->getNumAtoms() == 0) throw std::invalid_argument("no atoms");
  for (auto atom : parsed->atoms())
    if (atom->getAtomicNum() == 0) throw std::invalid_argument("an atom that stands for no element");
  std::vector<int> fragment;
  if (RDKit::MolOps::getMolFrags(*parsed, fragment) > 1)
    throw std::invalid_argument("more than one fragment (nothing says how they lie relative to each other)");
  std::unique_ptr<RDKit::ROMol> mol(RDKit::MolOps::addHs(*parsed));
  RDKit::DGeomHelpers::EmbedParameters parameters = RDKit::DGeomHelpers::ETKDGv3;
  parameters.randomSeed = seed;
  parameters.callback = check;
  auto ids = RDKit::DGeomHelpers::EmbedMultipleConfs(*mol, static_cast<unsigned>(tries), parameters);
  if (ids.empty()) throw std::runtime_error("no conformer could be embedded");
  std::vector<double> energies;
  for (int id : ids) {
    auto f = field(*mol, id, "MMFF94s");
    if (!f) throw std::invalid_argument("MMFF94 has no parameters for it");
    minimise(*f, iterations);
    energies.push_back(f->calcEnergy());
  }
  std::vector<size_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return energies[a] < energies[b]; });
  const int atoms = static_cast<int>(mol->getNumAtoms());
  out->atoms = atoms;
  out->bonds = static_cast<int>(mol->getNumBonds());
  out->conformers = static_cast<int>(ids.size());
  out->charge = RDKit::MolOps::getFormalCharge(*mol);
  out->radicals = 0;
  out->numbers = static_cast<unsigned char *>(malloc(static_cast<size_t>(atoms)));
  out->bond = static_cast<int *>(malloc(sizeof(int) * 3 * static_cast<size_t>(out->bonds + 1)));
  out->positions = static_cast<double *>(malloc(sizeof(double) * 3 * static_cast<size_t>(atoms) * ids.size()));
  out->energies = static_cast<double *>(malloc(sizeof(double) * ids.size()));
  for (int i = 0; i < atoms; i++) {
    const auto *atom = mol->getAtomWithIdx(static_cast<unsigned>(i));
    out->numbers[i] = static_cast<unsigned char>(atom->getAtomicNum());
    out->radicals += static_cast<int>(atom->getNumRadicalElectrons());
  }
  int *b = out->bond;
  for (const auto bond : mol->bonds()) {
    *b++ = static_cast<int>(bond->getBeginAtomIdx());
    *b++ = static_cast<int>(bond->getEndAtomIdx());
    *b++ = bond->getIsAromatic() ? 4 : static_cast<int>(bond->getBondTypeAsDouble());
  }
  double *p = out->positions;
  for (size_t k = 0; k < order.size(); k++) {
    out->energies[k] = energies[order[k]];
    for (const auto &x : mol->getConformer(ids[order[k]]).getPositions()) *p++ = x.x, *p++ = x.y, *p++ = x.z;
  }
  return 0;
}

} // namespace

int symdiff_embed(const char *smiles, int tries, int seed, int iterations, double limit, const int *stop,
                  symdiff_conformers *out, char **error) {
  stopping = stop;
  ending = spent() + limit;
  const int failed = guard<int>(error, 1, [&] {
    try {
      return embed(smiles, tries, seed, iterations, out);
    } catch (const late &) {
      return 2;
    }
  });
  ending = 0;
  return failed;
}

void symdiff_free_conformers(symdiff_conformers *c) {
  free(c->numbers);
  free(c->charges);
  free(c->unpaired);
  free(c->bond);
  free(c->positions);
  free(c->energies);
}
