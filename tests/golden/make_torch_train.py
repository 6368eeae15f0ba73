"""Golden values of torch 2.11.0 / torchvision 0.26.0 for pinfold's training: Adam, and three steps of EfficientNet-B0."""
import json, math, torch, torchvision
from torch import nn
torch.set_num_threads(1)
src = json.load(open('torch.json'))
keep = {"Linear(5,3)","Conv2d(3,2,3)","Conv2d(4,4,3,groups=2)","BatchNorm2d(3)","Sequential(Linear(4,3),ReLU,Linear(3,2))"}
json.dump({"versions":src["versions"],"init":[m for m in src["init"] if m["module"] in keep],
  "init_functions":[f for f in src["init_functions"] if f["init"] in ("kaiming_normal_fan_out_relu","kaiming_uniform_a_sqrt5","xavier_uniform","normal_0_0p01")]},
  open('tests/golden/torch_init.json','w'),indent=1)
def fill(n,k):
    out=[]
    for i in range(n):
        h=(i+0x9e3779b9*(k+1))&0xffffffff
        h^=h>>16; h=h*0x85ebca6b&0xffffffff; h^=h>>13; h=h*0xc2b2ae35&0xffffffff; h^=h>>16
        out.append(2*h/2**32-1)
    return out
out={"versions":{"torch":torch.__version__,"torchvision":torchvision.__version__}}
adam=[]
for wd in (0.0,0.01):
    p=torch.tensor(fill(40,1),dtype=torch.float32,requires_grad=True)
    o=torch.optim.Adam([p],lr=3e-4,weight_decay=wd)
    for s in range(5):
        p.grad=torch.tensor(fill(40,10+s),dtype=torch.float32)*(10.0**(s-3))
        o.step()
    adam.append({"weight_decay":wd,"steps":5,"rate":3e-4,"parameter":p.detach().tolist()})
out["adam"]=adam
torch.manual_seed(42)
b=torchvision.models.efficientnet_b0(); b.classifier=nn.Identity()
class M(nn.Module):
    def __init__(s):
        super().__init__(); s.backbone=b; s.hidden=nn.Linear(1280,24); s.regressor=nn.Linear(24,5)
    def forward(s,x):
        f=s.backbone(x); f=nn.functional.dropout(f,.5,s.training); h=nn.functional.relu(s.hidden(f)); return s.regressor(nn.functional.dropout(h,.5,s.training))
m=M(); opt=torch.optim.Adam(m.parameters(),lr=1e-3)
x=torch.tensor(fill(4*3*64*64,999),dtype=torch.float32).reshape(4,3,64,64); y=torch.tensor(fill(20,7),dtype=torch.float32).reshape(4,5)
m.train(); losses=[]; norms=[]
for s in range(4):
    torch.manual_seed(100+s)
    opt.zero_grad(); l=nn.functional.mse_loss(m(x),y); l.backward()
    norms.append(math.sqrt(sum(float((p.grad.double()**2).sum()) for p in m.parameters())))
    opt.step(); losses.append(l.item())
m.eval()
with torch.no_grad(): e=m(x)
out["steps"]={"seed":42,"hidden":24,"outputs":5,"dropout":.5,"rate":1e-3,"step_seeds":[100,101,102,103],"losses":losses,"gradient_norms":norms,"evaluation":e.flatten().tolist(),
  "dw_grad_first":None}
sd=m.state_dict(); out["steps"]["names"]=[k for k in sd if not k.endswith("num_batches_tracked")]
out["steps"]["running_var_sum"]=float(sum(v.double().sum() for k,v in sd.items() if k.endswith("running_var")))
del out["steps"]["dw_grad_first"]
json.dump(out,open('tests/golden/torch_train.json','w'),indent=1)
print(losses,norms)
